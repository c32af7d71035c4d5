"""The overlap's recursion and its fluctuation, against simulation, samples and the flow."""

from dataclasses import replace

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.teacher import population
from lintune.teacher.activations import ACTIVATIONS, Activation
from lintune.teacher.flow import flow
from lintune.teacher.problem import Problem, problem
from lintune.teacher.recursion import GRID, noise, theory
from lintune.teacher.sgd import paths
from lintune.teacher.student import Student, start
from lintune.teacher.training import Training
from tests.teacher.worlds import TANH, World, instances, student_of

REPEATS = 120
BEGIN = 0.2
EVERY = [*ACTIVATIONS.values(), TANH]


def repeated(sigma: Activation, base: str = "orthonormal") -> tuple[Problem, Student, float, int]:
    """Return one instance many times, a start on the drift's side, a step size and the steps of the rise."""
    given = problem(sigma, 4, 40, 1.5, base=base, seed=1).take([0] * REPEATS)  # type: ignore[arg-type]
    student = replace(start(given, 2), c=given.c * np.array([1, 1, 1, -1])).at(BEGIN)
    h = float(population.speed(given, student, np.array([BEGIN]))[0, 0])
    one, at_one = given.take([0]), student.take(np.array([0]))
    eta = (
        (0.3 if sigma.name == "he3" else 0.4)
        * h
        / (40 * float(noise(one, at_one, np.array([BEGIN])).size[0, 0]))
    )
    return given, student, eta, int(1.1 / (eta * h))


@pytest.mark.slow
@pytest.mark.parametrize("sigma", EVERY, ids=lambda each: each.name)
def test_simulated_overlaps_follow_theory_within_its_fluctuation(sigma: Activation) -> None:
    given, student, eta, last = repeated(sigma)
    at = [int(step) for step in np.linspace(0, last, 7)]
    found = paths(given, Training(eta), student, at, 3)
    overlaps = np.array([found[step].overlap(given) for step in at[1:]])
    one, at_one = given.take([0]), student.take(np.array([0]))
    # The moments of He3 have heavy tails: those of some thousand inputs are off by a factor.
    samples = 60_000 if sigma.name == "he3" else 4000
    said = theory(one, at_one, eta, at, known=noise(one, at_one, GRID, samples=samples))
    mean, spread = said.mean[0, 1:], said.spread[0, 1:]
    rise = np.abs(mean) < 0.9
    assert rise.sum() >= 2
    assert mean[rise][-1] > BEGIN + 0.25
    ratio = overlaps.std(1) / spread
    assert (np.abs(overlaps.mean(1) - mean) < 4 * overlaps.std(1) / REPEATS**0.5)[rise].all()
    assert ((ratio > 1 / 1.5) & (ratio < 1.5))[rise].all()


@pytest.mark.parametrize("sigma", EVERY, ids=lambda each: each.name)
def test_the_printed_recursion_is_the_flow(sigma: Activation) -> None:
    given, student, eta, last = repeated(sigma, "sphere")
    given, student = given.take([0]), student.take(np.array([0]))
    at = [0, 3, *(int(step) for step in np.linspace(0.2, 2, 8) * last)]
    said = theory(given, student, eta, at)
    flowed = [each.overlap(given)[0] for each in flow(given, student, [eta * step for step in at])]
    # The steps themselves are Euler's, off by about eta h; the table of h is interpolated.
    np.testing.assert_allclose(said.printed[0], flowed, atol=2e-3)
    assert said.printed[0, 0] == BEGIN
    assert (said.mean <= said.printed + 1e-12).all()
    assert said.spread[0, 0] == 0


def test_theory_of_instances_together_is_that_of_each() -> None:
    given = problem("quadratic", 3, 30, [1.0, 2.0], instances=2, seed=1)
    student, rate = start(given, 2), np.array([0.001, 0.002])
    both = theory(given, student, rate, [0, 40, 400])
    for place in range(2):
        taken = np.array([place])
        one = theory(given.take(taken), student.take(taken), rate[taken], [0, 40, 400])
        np.testing.assert_allclose(one.printed[0], both.printed[place], rtol=1e-12)
    stopped = theory(given, student, 0.0, [0, 400])
    np.testing.assert_allclose(stopped.mean, student.along[:, None] * np.ones(2))
    assert (stopped.spread == 0).all()


def test_noise_that_is_known_is_taken() -> None:
    given = problem("quadratic", 3, 30, 1.0, seed=1).take([0, 0, 0])
    student = replace(start(given, 2), c=given.c)
    one, at_one = given.take([0]), student.take(np.array([0]))
    known = noise(one, at_one, GRID, seed=7)
    shared = theory(given, student, 0.002, [0, 200, 400], known=known)
    alone = theory(one, at_one, 0.002, [0, 200, 400], seed=7)
    np.testing.assert_allclose(shared.spread[0], alone.spread[0], rtol=1e-12)
    np.testing.assert_allclose(shared.mean[0], alone.mean[0], rtol=1e-12)
    assert not np.allclose(shared.mean[1], shared.mean[0])


def test_moments_of_a_step_are_those_in_r_d() -> None:
    given = instances("relu", 3)
    student = student_of(given, 3).at(0.4)
    world = World.of(given, 3)
    direct, random = world.direct(student), np.random.default_rng(3)
    seen = []
    for _ in range(6000):
        x = random.standard_normal(len(world.u))
        to_u = direct.gradients(x)[0]
        outside = to_u - world.span.T @ (world.span @ to_u)
        step = outside - (outside @ direct.u_hat) * direct.u_hat
        seen.append([(step @ world.u) ** 2, step @ step])
    mean, error = np.mean(seen, axis=0), np.std(seen, axis=0) / len(seen) ** 0.5
    found = noise(given, student, np.array([0.4]), samples=100_000)
    for value, each, allowed in zip((found.spread, found.stretch), mean, error, strict=True):
        assert abs(value[0, 0] - each) < 4 * allowed


@pytest.mark.parametrize("at", [[], [-1, 3], [0, 3, 3]])
def test_steps_increase_from_zero_on(at: list[int]) -> None:
    given = problem("relu", 3, 30, 1.0)
    with pytest.raises(InputError, match=r"must be steps increasing from 0 on"):
        theory(given, start(given, 0), 0.1, at)


def test_a_teacher_that_leans_is_refused() -> None:
    given = problem("relu", 3, 30, 1.0, inside=0.5)
    with pytest.raises(InputError, match="inside must be 0"):
        theory(given, start(given, 0), 0.1, [0, 1])

"""Descent in few coordinates is descent in R^d, step by step on the same inputs."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.errors import DivergedError, InputError
from lintune.teacher.activations import ACTIVATIONS, Activation
from lintune.teacher.draws import draw
from lintune.teacher.problem import Problem, problem
from lintune.teacher.sgd import Descent, paths, walk
from lintune.teacher.student import Student, start
from lintune.teacher.training import Training
from tests.teacher.worlds import NAMES, TANH, LinearDirect, World, instances, student_of

SEEDS = st.integers(0, 10_000)
STEPS = 25
FEW = settings(deadline=None, max_examples=5)


def followed(world: World, training: Training, student: Student, seed: int) -> None:
    """Walk a student in few coordinates beside the one in R^d, and compare after every step."""
    random, direct = np.random.default_rng(seed), world.direct(student)
    linear = LinearDirect(direct, training.unit)
    descent, given = Descent(world.problem, training), world.problem
    for _ in range(STEPS):
        x = random.standard_normal(len(world.axes))
        inputs = world.seen(x, direct.u_hat)
        base = inputs.base(given)
        student = descent.advance(student, inputs, base, inputs.labels(given, base), 0)
        if training.student == "linear":
            linear.step(x, float(training.rate), float(training.c_rate))
        else:
            direct.step(x, float(training.rate), float(training.c_rate), outside=training.outside)
        assert student.overlap(given)[0] == pytest.approx(direct.u_hat @ world.u, abs=1e-10)
        assert np.linalg.norm(student.u[0]) == pytest.approx(np.linalg.norm(direct.u_hat), abs=1e-10)
        np.testing.assert_allclose(student.c[0], direct.c_hat, atol=1e-10)
        np.testing.assert_allclose(student.inside[0], world.span @ direct.u_hat, atol=1e-10)
        assert student.aside[0] >= 0


@pytest.mark.parametrize("c_rate", [0.0, 0.004])
@pytest.mark.parametrize("outside", [True, False])
@pytest.mark.parametrize("sigma", [*ACTIVATIONS.values(), TANH], ids=lambda each: each.name)
@FEW
@given(seed=SEEDS)
def test_a_network_takes_the_steps_of_one_in_r_d(
    sigma: Activation, outside: bool, c_rate: float, seed: int
) -> None:
    given = instances(sigma, seed, inside=0.0 if outside else 0.6)
    student = student_of(given, seed, inside=not outside)
    followed(World.of(given, seed), Training(0.005, c_rate, outside=outside), student, seed)


@pytest.mark.parametrize("c_rate", [0.0, 0.004])
@pytest.mark.parametrize("unit", [True, False])
@pytest.mark.parametrize("sigma", NAMES)
@FEW
@given(seed=SEEDS, part=st.sampled_from([0.0, 0.5]))
def test_a_linear_student_takes_the_steps_of_one_in_r_d(
    sigma: str, unit: bool, c_rate: float, seed: int, part: float
) -> None:
    given = instances(sigma, seed, inside=part)
    training = Training(0.002 if unit else 0.0002, c_rate / 10, student="linear", unit=unit)
    followed(World.of(given, seed), training, student_of(given, seed), seed)


@pytest.mark.parametrize("sigma", NAMES)
@FEW
@given(seed=SEEDS)
def test_gradients_in_r_d_are_those_of_the_squared_error(sigma: str, seed: int) -> None:
    given = instances(sigma, seed, inside=0.4)
    direct = World.of(given, seed).direct(student_of(given, seed, inside=True))
    x = np.random.default_rng(seed).standard_normal(len(direct.u))
    u, c, step = direct.u_hat, direct.c_hat, 1e-6

    def error(u_hat: np.ndarray, c_hat: np.ndarray) -> float:
        return (direct.value(x, c_hat, u_hat) - direct.value(x, direct.c, direct.u)) ** 2

    to_u, to_c = direct.gradients(x)
    by_u = [(error(u + e, c) - error(u - e, c)) / (2 * step) for e in step * np.eye(len(u))]
    by_c = [(error(u, c + e) - error(u, c - e)) / (2 * step) for e in step * np.eye(len(c))]
    scale = 1 + np.abs(to_u).max() + np.abs(to_c).max()
    np.testing.assert_allclose(to_u, by_u, atol=1e-6 * scale)
    np.testing.assert_allclose(to_c, by_c, atol=1e-6 * scale)


@pytest.mark.parametrize("sigma", NAMES)
@pytest.mark.parametrize("training", [Training(0.01, 0.01), Training(0.01, 0.01, student="linear")])
@FEW
@given(seed=SEEDS)
def test_the_student_of_both_signs_turned_takes_the_same_path(
    sigma: str, training: Training, seed: int
) -> None:
    given = instances(sigma, seed, count=3, inside=0.4)
    one = student_of(given, seed)
    other = Student(-one.inside, -one.along, one.aside, -one.c)
    inputs = draw(given, 20, np.random.default_rng(seed))
    mirrored = replace(inputs, aside=-inputs.aside)
    base = inputs.base(given)
    labels = inputs.labels(given, base)
    first, second = Descent(given, training), Descent(given, training)
    for step in range(20):
        one = first.advance(one, inputs, base, labels, step)
        other = second.advance(other, mirrored, base, labels, step)
    np.testing.assert_allclose(other.along, -one.along, atol=1e-10)
    np.testing.assert_allclose(other.aside, one.aside, atol=1e-10)
    np.testing.assert_allclose(other.c, -one.c, atol=1e-10)


def test_instances_together_are_instances_apart() -> None:
    given = instances("he3", 4, count=5, inside=0.5)
    training = Training(np.linspace(0.001, 0.004, 5), np.linspace(0, 0.004, 5), outside=False)
    student = student_of(given, 4, inside=True)
    inputs = draw(given, 15, np.random.default_rng(0))

    def end(places: np.ndarray) -> Student:
        part, at = given.take(places), student.take(places)
        seen = replace(
            inputs,
            **{name: getattr(inputs, name)[:, places] for name in ("span", "along", "aside", "rest")},
        )
        descent, base = Descent(part, training.take(places)), seen.base(part)
        for step in range(15):
            at = descent.advance(at, seen, base, seen.labels(part, base), step)
        return at

    together = end(np.arange(5))
    for place in range(5):
        alone = end(np.array([place]))
        np.testing.assert_allclose(alone.u[0], together.u[place], atol=1e-12)
        np.testing.assert_allclose(alone.c[0], together.c[place], atol=1e-12)


def test_students_stay_on_their_spheres() -> None:
    given = instances("relu", 1, count=4, inside=0.5)
    for outside in (True, False):
        student = student_of(given, 1, inside=not outside)
        end = paths(given, Training(0.01, 0.01, outside=outside), student, [50], 0)[50]
        np.testing.assert_allclose(np.linalg.norm(end.u, axis=1), 1, atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(end.c, axis=1), 1, atol=1e-12)


def test_a_seed_is_a_path_and_another_seed_another() -> None:
    given = problem("sigmoid", 3, 20, 2.0, instances=2, seed=1)
    training, student = Training(0.01, 0.01), start(given, 2)
    one, same, other = (paths(given, training, student, [0, 30], seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one[30].u, same[30].u)
    np.testing.assert_array_equal(one[30].c, same[30].c)
    assert not np.allclose(one[30].u, other[30].u)
    np.testing.assert_array_equal(one[0].u, student.u)


def test_paths_are_the_walk_at_the_steps_asked_for() -> None:
    given = problem("relu", 3, 20, 2.0, instances=2, seed=1)
    training, student = Training(0.01), start(given, 2)
    walked = dict(walk(given, training, student, 12, 5))
    found = paths(given, training, student, [12, 0, 7, 7], 5)
    assert sorted(walked) == list(range(13))
    assert sorted(found) == [0, 7, 12]
    for step, each in found.items():
        np.testing.assert_array_equal(each.along, walked[step].along)


def test_no_step_size_is_no_step() -> None:
    given = problem("relu", 3, 20, 2.0, instances=2, seed=1)
    student = start(given, 2)
    found = paths(given, Training(np.array([0.0, 0.01])), student, [30], 5)[30]
    assert found.along[0] == pytest.approx(student.along[0], abs=1e-14)
    assert abs(found.along[1] - student.along[1]) > 1e-6


@pytest.mark.parametrize("outside", [True, False])
def test_the_smallest_dimension_has_no_rest(outside: bool) -> None:
    given = problem("quadratic", 3, 5, 1.0, instances=2, seed=1)
    assert (draw(given, 10, np.random.default_rng(0)).rest == 0).all()
    end = paths(given, Training(0.01, 0.01, outside=outside), start(given, 2), [40], 3)[40]
    assert np.isfinite(end.u).all()
    np.testing.assert_allclose(np.linalg.norm(end.u, axis=1), 1)


def test_the_rest_has_the_moments_of_a_chi_squared_number() -> None:
    given = problem("relu", 3, [5, 25], 1.0, instances=2, seed=1)
    rest = draw(given, 20_000, np.random.default_rng(0)).rest
    assert (rest[:, 0] == 0).all()
    assert rest[:, 1].mean() == pytest.approx(20, abs=5 * (40 / 20_000) ** 0.5)
    assert rest[:, 1].var() == pytest.approx(40, rel=0.1)


class TestErrors:
    def instance(self) -> Problem:
        return problem("relu", 3, 20, 2.0, instances=2, seed=1)

    @pytest.mark.parametrize("at", [[], [3, -1]])
    def test_steps_from_zero_on(self, at: list[int]) -> None:
        with pytest.raises(InputError, match=r"at=.* must be steps from 0 on"):
            paths(self.instance(), Training(0.1), start(self.instance(), 0), at, 0)

    @pytest.mark.parametrize("name", ["rate", "c_rate"])
    def test_step_sizes_for_the_instances(self, name: str) -> None:
        sizes: dict[str, Any] = {"rate": 0.1, name: np.full(3, 0.1)}
        training = Training(**sizes)
        with pytest.raises(
            InputError, match=rf"^{name} has shape \(3,\); one number, or 2 for the instances"
        ):
            paths(self.instance(), training, start(self.instance(), 0), [1], 0)

    @pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
    def test_a_free_student_that_leaves_the_finite_numbers(self) -> None:
        given = self.instance()
        training = Training(50.0, student="linear", unit=False)
        with pytest.raises(DivergedError, match=r"rate=50.0: a student left the finite numbers by step 2000"):
            paths(given, training, start(given, 0), [2000], 0)

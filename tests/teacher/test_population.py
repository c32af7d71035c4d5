"""Loss, gradient and drift over all inputs: against samples, differences, the series, and symmetries."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.teacher import population
from lintune.teacher.activations import ACTIVATIONS, Activation
from lintune.teacher.hermite import coefficients
from lintune.teacher.problem import Problem, problem
from lintune.teacher.student import Student, start
from tests.teacher.worlds import NAMES, TANH, World, instances, student_of, turned

SEEDS = st.integers(0, 10_000)
FEW = settings(deadline=None, max_examples=10)
EVERY = [*ACTIVATIONS.values(), TANH]
OVERLAPS = np.array([-0.5, -0.1, 0.0, 0.2, 0.5])


def quantised(sigma: str | Activation, seed: int, base: str = "sphere") -> tuple[Problem, Student]:
    random = np.random.default_rng(seed)
    width, xi = int(random.integers(2, 7)), float(random.uniform(0.3, 2.0))
    found = problem(sigma, width, 30, xi, base=base, instances=2, seed=seed)  # type: ignore[arg-type]
    return found, start(found, seed)


def network(world: World, c: np.ndarray, u: np.ndarray, x: np.ndarray) -> np.ndarray:
    """Return sum_i lambda_i sigma of the rows, for inputs `(n, d)`."""
    given = world.problem
    raw = world.rows + given.xi[0] * np.outer(c, u)
    rows = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    return np.asarray(given.activation.value(x @ rows.T) @ given.readout[0])


@pytest.mark.parametrize("sigma", EVERY, ids=lambda each: each.name)
def test_loss_and_size_are_means_over_inputs(sigma: Activation) -> None:
    for seed in range(3):
        given = instances(sigma, seed, inside=0.5)
        world, student = World.of(given, seed), student_of(given, seed, inside=True)
        x = np.random.default_rng(seed).standard_normal((50_000, len(world.u)))
        teacher = network(world, given.c[0], world.u, x)
        away = network(world, student.c[0], world.placed(student), x)
        start = network(world, 0 * given.c[0], world.u, x)
        for found, squares in (
            (population.loss(given, student), (away - teacher) ** 2),
            (population.size(given), (start - teacher) ** 2),
        ):
            assert abs(found[0] - squares.mean()) < 4.5 * squares.std() / len(squares) ** 0.5


@pytest.mark.parametrize("sigma", EVERY, ids=lambda each: each.name)
def test_the_gradient_is_the_mean_of_those_in_r_d(sigma: Activation) -> None:
    given = instances(sigma, 7, inside=0.5)
    world, student = World.of(given, 7), student_of(given, 7, inside=True)
    direct, random = world.direct(student), np.random.default_rng(7)
    sample = [direct.gradients(random.standard_normal(len(world.u))) for _ in range(4000)]
    found = population.gradient(given, student)
    to_u = np.concatenate([np.stack([u for u, _ in sample]) @ world.axes.T], axis=1)
    to_c = np.stack([c for _, c in sample])
    # The gradient in R^d has a part along each row of the basis; only r + 2 of them are not zero on average.
    expected = np.concatenate([found.u[0], np.zeros(to_u.shape[1] - found.u.shape[1])])
    for mean, each in ((expected, to_u), (found.c[0], to_c)):
        error = each.std(0) / len(each) ** 0.5
        assert (np.abs(each.mean(0) - mean) < 5 * error + 1e-12).all()


@pytest.mark.parametrize("sigma", EVERY, ids=lambda each: each.name)
@FEW
@given(seed=SEEDS)
def test_the_gradient_is_that_of_the_loss_along_the_spheres(sigma: Activation, seed: int) -> None:
    given = instances(sigma, seed, count=2, inside=0.5)
    student = student_of(given, seed, inside=True)
    found, random = population.gradient(given, student), np.random.default_rng(seed)
    u, c, step = student.u, student.c, 1e-4
    towards = [random.standard_normal(point.shape) for point in (u, c)]
    along_u, along_c = (
        each - (each * point).sum(1, keepdims=True) * point
        for each, point in zip(towards, (u, c), strict=True)
    )

    def loss(t: float) -> np.ndarray:
        moved_u, moved_c = u + t * along_u, c + t * along_c
        moved_u /= np.linalg.norm(moved_u, axis=1, keepdims=True)
        moved_c /= np.linalg.norm(moved_c, axis=1, keepdims=True)
        return population.loss(given, Student(moved_u[:, :-2], moved_u[:, -2], moved_u[:, -1], moved_c))

    slope = (found.u * along_u).sum(1) + (found.c * along_c).sum(1)
    scale = 1 + np.abs(slope).max() + population.size(given).max()
    np.testing.assert_allclose(slope, (loss(step) - loss(-step)) / (2 * step), atol=1e-5 * scale)


def test_the_teacher_has_no_loss_and_no_gradient() -> None:
    given = instances("he3", 3, count=2, inside=0.5)
    student = Student(given.inside, given.outside, np.zeros(2), given.c)
    np.testing.assert_allclose(population.loss(given, student), 0, atol=1e-12)
    found = population.gradient(given, student)
    np.testing.assert_allclose(found.c, 0, atol=1e-12)
    np.testing.assert_allclose(found.u, 0, atol=1e-12)


@pytest.mark.parametrize("sigma", EVERY, ids=lambda each: each.name)
@FEW
@given(seed=SEEDS)
def test_the_gradient_along_the_sphere_is_minus_the_drift(sigma: Activation, seed: int) -> None:
    given = instances(sigma, seed, count=2)
    student = student_of(given, seed)
    m = student.along[:, None]
    drift = np.stack([population.speed(given, student, m[i])[i] for i in range(2)])
    u_hat = np.stack([student.along, student.aside], axis=1)
    gradient = population.gradient(given, student).u[:, -2:]
    along = gradient - (gradient * u_hat).sum(1, keepdims=True) * u_hat
    expected = -drift * (np.array([1.0, 0.0]) - m * u_hat)
    np.testing.assert_allclose(along, expected, atol=1e-9 * (1 + np.abs(drift).max()))


@pytest.mark.parametrize("sigma", EVERY, ids=lambda each: each.name)
@FEW
@given(seed=SEEDS, m=st.floats(-0.95, 0.95))
def test_the_drift_is_minus_the_slope_of_the_loss(sigma: Activation, seed: int, m: float) -> None:
    given = instances(sigma, seed, count=2)
    student, step = student_of(given, seed), 1e-5
    after, before = (population.loss(given, student.at(m + e)) for e in (step, -step))
    found = population.speed(given, student, np.array([m]))[:, 0]
    scale = 1 + np.abs(found).max() + population.size(given).max()
    np.testing.assert_allclose(found, (before - after) / (2 * step), atol=1e-5 * scale)


@pytest.mark.parametrize("base", ["orthonormal", "sphere"])
@pytest.mark.parametrize(("sigma", "order"), [("quadratic", 2), ("he3", 3), ("sigmoid", 60), (TANH, 90)])
@FEW
@given(seed=SEEDS)
def test_the_drift_is_the_series_of_the_proposition(
    sigma: str | Activation, order: int, base: str, seed: int
) -> None:
    given, student = quantised(sigma, seed, base)
    series = population.speed_series(given, student, OVERLAPS, order)
    np.testing.assert_allclose(population.speed(given, student, OVERLAPS), series, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("order", [30, 120])
@FEW
@given(seed=SEEDS)
def test_the_series_of_relu_is_off_by_its_tail(order: int, seed: int) -> None:
    given, student = quantised("relu", seed)
    off = population.speed(given, student, OVERLAPS) - population.speed_series(
        given, student, OVERLAPS, order
    )
    p, mu = np.arange(order + 1, 3000), coefficients("relu", 2999)[order + 1 :]
    ratio = given.xi[:, None, None] ** 2 / given.width
    gram = np.abs(given.rows @ given.rows.transpose(0, 2, 1))
    for place, m in enumerate(np.abs(OVERLAPS)):
        rho = np.minimum((gram + m * ratio) / (1 + ratio), 1.0)
        tail = (p * mu**2 * rho[..., None] ** (p - 1)).sum(-1)
        allowed = 2 * (ratio / (1 + ratio) * tail).sum((1, 2))
        assert (np.abs(off[:, place]) <= allowed * 1.01 + 1e-10).all()


@pytest.mark.parametrize("sigma", NAMES)
@FEW
@given(seed=SEEDS, ratio=st.floats(0.05, 0.5))
def test_the_drift_is_bounded_below_on_its_own_side(sigma: str, seed: int, ratio: float) -> None:
    """Lemma 6, for orthonormal rows and its small xi / sqrt(k), where h(0) does not all but vanish."""
    width = int(np.random.default_rng(seed).integers(2, 12))
    given = problem(sigma, width, 30, ratio * width**0.5, instances=4, seed=seed)
    student = start(given, seed)
    at_zero = population.speed(given, student, np.array([0.0]))
    m = np.sign(at_zero) * np.linspace(0, 1, 11)
    drift = np.stack([population.speed(given, student, each)[i] for i, each in enumerate(m)])
    assume((np.abs(at_zero) > 1e-9).any())
    assert (drift * np.sign(at_zero) >= np.abs(at_zero) / 2 - 1e-9).all()


def test_the_bound_needs_its_small_change() -> None:
    """At xi = 2 sqrt(k) the third power's m^2 may turn the sign of h on its own side."""
    given = problem("he3", 10, 30, 2 * 10**0.5, instances=200, seed=10)
    student = start(given, 11)
    sign = np.sign(population.speed(given, student, np.array([0.0])))
    drift = np.stack(
        [population.speed(given, student, s * np.array([0.0, 1.0]))[i] for i, s in enumerate(sign)]
    )
    kept = sign[:, 0] != 0
    assert (drift * sign)[kept].min() < 0


@pytest.mark.parametrize("sigma", NAMES)
@FEW
@given(seed=SEEDS)
def test_coordinates_of_the_span_are_of_no_matter(sigma: str, seed: int) -> None:
    given = instances(sigma, seed, count=2, inside=0.5)
    student = student_of(given, seed, inside=True)
    other, moved = turned(given, student, seed)
    np.testing.assert_allclose(population.loss(other, moved), population.loss(given, student), atol=1e-10)
    np.testing.assert_allclose(population.size(other), population.size(given), atol=1e-10)
    np.testing.assert_allclose(
        population.gradient(other, moved).c, population.gradient(given, student).c, atol=1e-9
    )
    straight = replace(given, inside=0 * given.inside), replace(other, inside=0 * other.inside)
    one, two = (population.speed(each, student, OVERLAPS) for each in straight)
    np.testing.assert_allclose(one, two, atol=1e-10)


@pytest.mark.parametrize("sigma", NAMES)
@FEW
@given(seed=SEEDS)
def test_the_order_of_rows_is_of_no_matter(sigma: str, seed: int) -> None:
    given = instances(sigma, seed, count=2, inside=0.5)
    student = student_of(given, seed, inside=True)
    order = np.random.default_rng(seed).permutation(given.width)
    arrays = {name: getattr(given, name)[:, order] for name in ("rows", "readout", "c")}
    other, moved = replace(given, **arrays), replace(student, c=student.c[:, order])
    np.testing.assert_allclose(population.loss(other, moved), population.loss(given, student), atol=1e-10)
    found, expected = population.gradient(other, moved), population.gradient(given, student)
    np.testing.assert_allclose(found.u, expected.u, atol=1e-9)
    np.testing.assert_allclose(found.c, expected.c[:, order], atol=1e-9)


@pytest.mark.parametrize("sigma", NAMES)
@FEW
@given(seed=SEEDS)
def test_both_signs_of_a_change_may_be_turned(sigma: str, seed: int) -> None:
    given = instances(sigma, seed, count=2, inside=0.5)
    student = student_of(given, seed, inside=True)
    loss = population.loss(given, student)
    turned_student = replace(student, inside=-student.inside, along=-student.along, c=-student.c)
    np.testing.assert_allclose(population.loss(given, turned_student), loss, atol=1e-10)
    # The teacher's u turned turns the axis outside the span with it.
    turned_teacher = replace(given, c=-given.c, inside=-given.inside)
    mirrored = replace(student, along=-student.along)
    np.testing.assert_allclose(population.loss(turned_teacher, mirrored), loss, atol=1e-10)
    np.testing.assert_allclose(population.size(turned_teacher), population.size(given), atol=1e-10)


@pytest.mark.parametrize(("sigma", "odd"), [("quadratic", False), ("he3", True), (TANH, True)])
@FEW
@given(seed=SEEDS)
def test_rows_of_an_even_or_odd_activation_may_be_turned(
    sigma: str | Activation, odd: bool, seed: int
) -> None:
    given = instances(sigma, seed, count=2, inside=0.5)
    student = student_of(given, seed, inside=True)
    signs = np.random.default_rng(seed).choice([-1.0, 1.0], given.c.shape)
    readout = given.readout * signs if odd else given.readout
    other = replace(given, rows=given.rows * signs[..., None], c=given.c * signs, readout=readout)
    moved = replace(student, c=student.c * signs)
    np.testing.assert_allclose(population.loss(other, moved), population.loss(given, student), atol=1e-10)


def test_what_the_proposition_assumes_is_checked() -> None:
    given, student = quantised("relu", 0)
    leaning = problem("relu", 3, 30, 1.0, inside=0.5)
    with pytest.raises(InputError, match="inside must be 0"):
        population.speed(leaning, start(leaning, 0), OVERLAPS)
    with pytest.raises(InputError, match="inside must be 0"):
        population.speed_series(leaning, start(leaning, 0), OVERLAPS, 5)
    uneven = problem("relu", 3, 30, 1.0, quantised=False)
    with pytest.raises(InputError, match=r"^c must have entries of size 1 / sqrt\(k\)"):
        population.speed_series(uneven, start(uneven, 0), OVERLAPS, 5)
    with pytest.raises(InputError, match="^the student's c must have entries"):
        population.speed_series(given, student_of(given, 0), OVERLAPS, 5)

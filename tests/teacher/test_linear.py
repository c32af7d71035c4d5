"""The linear student: its loss against samples, its plateau against least squares, where training ends."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.teacher import linear, population
from lintune.teacher.activations import ACTIVATIONS, Activation
from lintune.teacher.problem import problem
from lintune.teacher.sgd import paths
from lintune.teacher.student import start
from lintune.teacher.training import Training
from tests.teacher.worlds import NAMES, TANH, World, instances, student_of, turned

SEEDS = st.integers(0, 10_000)
FEW = settings(deadline=None, max_examples=10)
EVERY = [*ACTIVATIONS.values(), TANH]


def sampled(world: World, seed: int, count: int = 50_000) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return inputs `(n, d)`, the teacher's change f* - f `(n,)` and sigma'(<w_i, x>) `(n, k)`."""
    given = world.problem
    x = np.random.default_rng(seed).standard_normal((count, len(world.u)))
    raw = world.rows + given.xi[0] * np.outer(given.c[0], world.u)
    rows = raw / np.linalg.norm(raw, axis=1, keepdims=True)
    sigma = given.activation
    change = (sigma.value(x @ rows.T) - sigma.value(x @ world.rows.T)) @ given.readout[0]
    return x, change, sigma.slope(x @ world.rows.T)


@pytest.mark.parametrize("inside", [0.0, 0.5])
@pytest.mark.parametrize("sigma", EVERY, ids=lambda each: each.name)
def test_the_loss_is_a_mean_over_inputs(sigma: Activation, inside: float) -> None:
    given = instances(sigma, 5, inside=inside)
    world, student = World.of(given, 5), student_of(given, 5)
    x, change, slopes = sampled(world, 5)
    weights = given.readout[0] * given.xi[0] * student.c[0]
    squares = (slopes @ weights * (x @ world.placed(student)) - change) ** 2
    found = linear.loss(given, student)[0]
    assert abs(found - squares.mean()) < 4.5 * squares.std() / len(squares) ** 0.5


@pytest.mark.parametrize("inside", [0.0, 0.5])
@pytest.mark.parametrize("sigma", EVERY, ids=lambda each: each.name)
def test_the_plateau_is_what_least_squares_leaves(sigma: Activation, inside: float) -> None:
    given = instances(sigma, 8, inside=inside)
    world, student = World.of(given, 8), student_of(given, 8)
    x, change, slopes = sampled(world, 8)
    features = slopes * (x @ world.out)[:, None]
    held = features @ (given.readout[0] * student.c[0])
    for columns, found in (
        (features, linear.plateau(given)),
        (held[:, None], linear.plateau(given, student.c)),
    ):
        left = (change - columns @ np.linalg.lstsq(columns, change, rcond=None)[0]) ** 2
        assert abs(found[0] - left.mean()) < 4.5 * left.std() / len(left) ** 0.5 + 1e-12


@pytest.mark.parametrize("sigma", NAMES)
@FEW
@given(seed=SEEDS)
def test_no_student_is_below_its_plateau(sigma: str, seed: int) -> None:
    given = instances(sigma, seed, count=3, inside=0.4)
    student = student_of(given, seed)
    loss, held, free = linear.loss(given, student), linear.plateau(given, student.c), linear.plateau(given)
    room = 1e-9 * (1 + population.size(given))
    assert (loss >= held - room).all()
    assert (held >= free - room).all()
    assert (free >= -room).all()
    np.testing.assert_allclose(linear.share(given) * population.size(given), free, atol=1e-10)


@pytest.mark.parametrize("sigma", NAMES)
@FEW
@given(seed=SEEDS)
def test_coordinates_of_the_span_are_of_no_matter(sigma: str, seed: int) -> None:
    given = instances(sigma, seed, count=2, inside=0.5)
    student = student_of(given, seed)
    other, _ = turned(given, student, seed)
    np.testing.assert_allclose(linear.plateau(other), linear.plateau(given), atol=1e-9)
    np.testing.assert_allclose(linear.plateau(other, student.c), linear.plateau(given, student.c), atol=1e-9)


@pytest.mark.parametrize("sigma", EVERY, ids=lambda each: each.name)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_share_that_is_not_linear_grows_from_zero(sigma: Activation, seed: int) -> None:
    xi = [1e-3, 0.1, 0.3, 1.0, 2.0, 4.0]
    one = problem(sigma, 4, 20, 1.0, base="sphere", quantised=False, seed=seed)
    many = problem(sigma, 4, 20, xi, base=one.rows[0], quantised=False, instances=6, seed=seed)
    same = type(many)(
        many.rows,
        np.repeat(one.readout, 6, 0),
        np.repeat(one.c, 6, 0),
        many.inside,
        many.xi,
        many.dimension,
        many.activation,
    )
    share = linear.share(same)
    assert abs(share[0]) < 0.01
    assert (np.diff(share) > 0).all()
    assert share[-1] < 1


@pytest.mark.slow
def test_the_linear_student_stays_at_its_plateau_while_the_network_learns() -> None:
    given = problem("relu", 4, 40, 2.0, instances=10, seed=2)
    student, at = start(given, 3), [8000]
    network = paths(given, Training(0.005, 0.005), student, at, 4)[8000]
    free = paths(given, Training(0.0015, 0.0015, student="linear", unit=False), student, at, 4)[8000]
    plateau, began = linear.plateau(given), population.size(given)
    held = linear.loss(given, free)
    assert (held > plateau - 1e-9).all()
    assert (held < plateau + 0.1 * began).all()
    assert (plateau > 0.1 * began).all()
    assert np.median(population.loss(given, network) / began) < 0.01


def test_a_student_in_the_span_is_refused() -> None:
    given = instances("relu", 0, inside=0.5)
    with pytest.raises(InputError, match="inside must be 0: the linear student"):
        linear.loss(given, student_of(given, 0, inside=True))

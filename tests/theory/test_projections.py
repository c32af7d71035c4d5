"""What a random projection does to a kernel: exact mean and variance, and tails that hold, by simulation."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from lintune import theory
from lintune.errors import InputError
from lintune.methods import draws

DRAWS = 4000
WIDTH, RANK = 6, 3


def gradients(seed: int, count: int = 4, d_out: int = 3, width: int = WIDTH) -> np.ndarray:
    """Return gradients with spectra that fall, so that directions differ in weight."""
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, d_out, width)) * 2.0 ** -np.arange(width)


def factors(distribution: str, count: int, rank: int = RANK, width: int = WIDTH) -> np.ndarray:
    """Return `(count, rank, width)` draws of A whose entries have variance 1 / rank."""
    drawn = [draws.DOWN[distribution](seed, "layer", (rank, width)).double() for seed in range(count)]
    return np.array(drawn) * math.sqrt(3 * width / rank)


def projected(given: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Return the kernels `(draws, N, N)` of projected gradients."""
    passed = np.einsum("noi,ari->anor", given, down)
    return np.einsum("anor,amor->anm", passed, passed)


@pytest.mark.parametrize("distribution", draws.DOWN)
def test_mean_and_variance_are_exact_for_each_distribution(distribution: str) -> None:
    given = gradients(0)
    found = theory.gradient_moments(given)
    kernels = projected(given, factors(distribution, DRAWS))
    variance = theory.projected_variance(found, RANK, distribution)
    standard = (kernels.mean(axis=0) - found.trace) / np.sqrt(variance / DRAWS)
    assert np.abs(standard).max() < 4
    ratio = kernels.var(axis=0) / variance
    # Squares of deviations have a kurtosis of at most about 12 here.
    np.testing.assert_allclose(ratio, 1, atol=4 * math.sqrt(12 / DRAWS))


def test_distributions_differ_as_predicted_on_the_coordinates() -> None:
    # Gradients on single coordinates: fair signs project these without any error.
    found = theory.gradient_moments(np.eye(WIDTH)[:2, None, :])
    for distribution, expected in {"gaussian": 2, "uniform": 0.8, "signs": 0, "sparse signs": 2}.items():
        assert theory.projected_variance(found, 1, distribution)[0, 0] == pytest.approx(expected)
    # The square of one coordinate of a random unit vector, times d.
    exact = WIDTH**2 * stats.beta(0.5, (WIDTH - 1) / 2).var()
    assert theory.projected_variance(found, 1, "orthonormal")[0, 0] == pytest.approx(exact)


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.integers(1, 5), st.integers(1, 7))
@settings(deadline=None)
def test_variances_are_ordered_and_fall_with_the_rank(seed: int, count: int, d_out: int, width: int) -> None:
    found = theory.gradient_moments(np.random.default_rng(seed).normal(size=(count, d_out, width)))
    of = {name: theory.projected_variance(found, 1, name) for name in draws.DOWN}
    for name, variance in of.items():
        assert variance.shape == (count, count)
        assert (variance >= 0).all()
        np.testing.assert_allclose(variance, variance.T, rtol=1e-9, atol=1e-12 * of["gaussian"].max())
        assert (variance <= of["gaussian"] * (1 + 1e-9)).all()
        if name != "orthonormal":
            np.testing.assert_allclose(theory.projected_variance(found, 5, name), variance / 5)
    assert theory.projected_variance(found, width, "orthonormal").max() == pytest.approx(0, abs=1e-12)
    assert (theory.effective_rank(found) >= 1 - 1e-9).all()
    assert (theory.effective_rank(found) <= min(d_out, width) + 1e-9).all()


def test_a_known_layer_has_the_variance_of_its_effective_rank() -> None:
    found = theory.gradient_moments(np.array([np.eye(4), np.outer(np.ones(4), np.ones(4))]))
    np.testing.assert_allclose(theory.effective_rank(found), [4, 1])
    own = np.diag(theory.projected_variance(found, 8, "gaussian"))
    np.testing.assert_allclose(own, 2 * np.diag(found.trace) ** 2 / (8 * theory.effective_rank(found)))


def test_scales_are_those_of_the_usual_draw() -> None:
    assert theory.expected_factor(theory.unbiased_alpha(8, 576), 8, 576) == pytest.approx(1)
    assert theory.expected_factor(16, 8, 576) == pytest.approx(256 / (3 * 8 * 576))


@pytest.mark.parametrize("distribution", draws.DOWN)
@pytest.mark.parametrize("rank", [1, 4])
def test_tails_hold_for_each_distribution(distribution: str, rank: int) -> None:
    given = gradients(1, count=2, d_out=2, width=5)
    # Nearly of rank 1 and nearly alike: the case that the bound is made for.
    given[1] = given[0] + 0.05 * given[1]
    exact = theory.gradient_moments(given).trace
    kernels = projected(given, factors(distribution, DRAWS, rank, 5))
    worst = np.abs(kernels - exact).max(axis=(1, 2)) / np.diag(exact).max()
    for epsilon in (0.1, 0.3, 0.5, 0.8, 1.0, 1.5, 3.0, 6.0):
        share = float((worst >= epsilon).mean())
        bound = min(1.0, theory.projection_tail(epsilon, rank, 2))
        assert share <= bound + 3 * math.sqrt(bound * (1 - bound) / DRAWS) + 1e-12


@pytest.mark.parametrize("distribution", ["gaussian", "orthonormal"])
def test_entry_radii_hold_over_layers_and_are_not_loose(distribution: str) -> None:
    layers, rank, probability, count = 3, 4, 0.1, 1500
    errors, variances = np.zeros((count, 4, 4)), []
    for layer in range(layers):
        found = theory.gradient_moments(given := gradients(10 + layer))
        down = factors(distribution, layers * count, rank)[layer::layers]
        errors += projected(given, down) - found.trace
        variances.append(theory.projected_variance(found, rank, "gaussian"))
    radius = theory.entry_radius(np.array(variances), rank, probability)
    share = float((np.abs(errors) > radius).any(axis=(1, 2)).mean())
    assert share <= probability + 3 * math.sqrt(probability * (1 - probability) / count)
    if distribution == "gaussian":
        assert (np.abs(errors) > radius / 3).any(axis=(1, 2)).mean() > probability


@given(st.floats(1e-3, 20), st.integers(1, 2000), st.integers(1, 300))
@settings(deadline=None)
def test_the_sharper_tail_is_at_most_half_of_the_known_one(epsilon: float, rank: int, count: int) -> None:
    sharper, known = (tail(epsilon, rank, count) for tail in (theory.projection_tail, theory.known_tail))
    assert sharper <= known / 2 * (1 + 1e-9)


def test_the_exponents_are_those_of_the_proof() -> None:
    # Above: Chernoff's bound for chi-squared. Below: (1 - h + 3/2 h^2) e^(h (1 - e)) at h = e / 2.
    e = np.linspace(0.01, 1, 50)
    h = e / 2
    below = np.log(1 - h + 1.5 * h**2) + h * (1 - e)
    found = np.array([theory.projection_tail(each, 1, 1) for each in e])
    assert (np.exp(-(e - np.log1p(e)) / 2) + np.exp(below) <= found * (1 + 1e-12)).all()
    for rank in (1, 5, 50):
        exact = stats.chi2(rank)
        for each in e:
            two_sided = exact.sf(rank * (1 + each)) + exact.cdf(rank * (1 - each))
            assert two_sided <= theory.projection_tail(each, rank, 1)


@pytest.mark.parametrize("rank", [1, 8, 300, 3000])
@pytest.mark.parametrize("probability", [0.01, 0.5])
def test_the_radius_is_where_the_tail_reaches_the_probability(rank: int, probability: float) -> None:
    radius = theory.tail_radius(probability, rank, 24)
    assert theory.projection_tail(radius * (1 + 1e-6), rank, 24) <= probability
    if radius > 1 + 1e-9 or radius < 1:
        assert theory.projection_tail(radius * (1 - 1e-6), rank, 24) > probability * (1 - 1e-3)


def test_the_known_tail_says_nothing_at_small_ranks() -> None:
    count = 24
    least = 27 * math.log(4 * count**2 / 0.05)
    assert theory.tail_radius(0.05, int(least), count, theory.known_tail) == math.inf
    assert theory.tail_radius(0.05, int(least) + 1, count, theory.known_tail) < 2 / 3
    assert (
        min(theory.known_tail(e, int(27 * math.log(4 * count**2)), count) for e in np.arange(0.01, 1, 0.01))
        > 1
    )


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: theory.projected_variance(theory.gradient_moments(gradients(0)), 2, "gausian"),
            "Did you mean 'gaus",
        ),
        (
            lambda: theory.projected_variance(theory.gradient_moments(gradients(0)), 7, "orthonormal"),
            "rank=7",
        ),
        (lambda: theory.projected_variance(theory.gradient_moments(gradients(0)), 0, "signs"), "rank=0"),
        (lambda: theory.tail_radius(1.5, 2, 3), "probability=1.5"),
        (lambda: theory.entry_radius(np.zeros((2, 2)), 2, 0.1), r"\(L, N, N\)"),
        (lambda: theory.entry_radius(np.zeros((1, 2, 2)), 2, 0.0), "probability=0.0"),
        (lambda: theory.known_tail(0.0, 2, 3), "epsilon=0.0"),
        (lambda: theory.expected_factor(math.inf, 2, 3), "alpha=inf"),
    ],
)
def test_bad_input_is_refused(call: Callable[[], object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        call()

"""Bounds on grown kernels against thousands of random kernels, and against cases that attain them."""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune import theory
from lintune.errors import InputError
from lintune.spectrum import condition_number, eigenvalues

SLACK = 1 + 1e-7


def random_pair(rng: np.random.Generator, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return a kernel and one to add, of any rank and with eigenvalues over several orders of magnitude."""
    pair = []
    for _ in range(2):
        rank = rng.integers(1, size + 1)
        features = rng.normal(size=(size, rank)) * 10 ** rng.uniform(-2, 1, rank)
        pair.append(features @ features.T)
    return pair[0], pair[1]


def cases(count: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, float]]:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        size = int(rng.integers(1, 7))
        base, added = random_pair(rng, size)
        yield base, added, rng.normal(size=size), float(10 ** rng.uniform(-3, 1))


def stretched(condition: float, change: float) -> tuple[np.ndarray, np.ndarray]:
    """Return A = K + ridge I and S that attain both sharp bounds, each for some targets."""
    root = np.sqrt(condition)
    return np.diag([condition, 1.0]), change / 2 * np.array([[condition, -root], [-root, 1.0]])


@given(st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_eigenvalues_lie_within_all_of_weyls_inequalities(seed: int, size: int) -> None:
    base, added = random_pair(np.random.default_rng(seed), size)
    lower, upper = theory.weyl(base, added)
    grown = eigenvalues(base + added)
    rounding = 1e-10 * grown[0]
    assert (lower <= grown + rounding).all()
    assert (grown <= upper + rounding).all()
    left, right = eigenvalues(base), eigenvalues(added)
    assert (lower >= left + right[-1] - rounding).all()
    assert (upper <= left + right[0] + rounding).all()


def test_weyl_is_attained_and_tighter_than_its_extreme_case() -> None:
    lower, upper = theory.weyl(np.diag([5.0, 2.0, 1.0]), np.eye(3))
    np.testing.assert_allclose(lower, [6, 3, 2])
    np.testing.assert_allclose(upper, [6, 3, 2])
    # One huge direction is added: it can make one eigenvalue huge, not all of them.
    _, upper = theory.weyl(np.diag([5.0, 2.0, 1.0]), np.diag([0.0, 0.0, 100.0]))
    np.testing.assert_allclose(upper, [105, 5, 2])


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.floats(1e-3, 10))
def test_eigenvalues_change_by_no_more_than_the_relative_change(seed: int, size: int, ridge: float) -> None:
    base, added = random_pair(np.random.default_rng(seed), size)
    low, high = theory.relative_change(base, added, ridge)
    factors = (eigenvalues(base + added) + ridge) / (eigenvalues(base) + ridge)
    assert (factors >= (1 + low) / SLACK).all()
    assert (factors <= (1 + high) * SLACK).all()


def test_relative_change_of_a_positive_definite_kernel() -> None:
    root = np.array([[2.0, 1.0], [0.0, 1.0]])
    base = root @ root.T
    low, high = theory.relative_change(base, root @ np.diag([0.5, 3.0]) @ root.T)
    np.testing.assert_allclose([low, high], [0.5, 3.0], rtol=1e-12)
    assert theory.relative_change(base, 0 * base) == (0, 0)


def test_condition_number_stays_below_the_mediant_and_goes_both_ways() -> None:
    rose = fell = 0
    for left, right, _, ridge in cases(2000, 0):
        base, added = left + ridge * np.eye(len(left)), right + 1e-3 * np.eye(len(left))
        grown, bound = condition_number(base + added), theory.condition_bound(base, added)
        assert grown <= bound * SLACK
        assert bound <= max(condition_number(base), condition_number(added)) * SLACK
        rose += grown > condition_number(base)
        fell += grown < condition_number(base)
    assert min(rose, fell) > 200
    assert theory.condition_bound(np.diag([4.0, 1.0]), np.diag([2.0, 1.0])) == pytest.approx(3)
    assert theory.condition_bound(np.diag([1.0, 0.0]), np.diag([1.0, 0.0])) == np.inf


def test_ridge_residual_and_objective_are_those_of_the_regression() -> None:
    rng = np.random.default_rng(0)
    jacobian, targets, ridge = rng.normal(size=(4, 9)), rng.normal(size=4), 0.7
    moved = np.linalg.solve(jacobian.T @ jacobian + ridge * np.eye(9), jacobian.T @ targets)
    left, gram = targets - jacobian @ moved, jacobian @ jacobian.T
    assert theory.ridge_residual(gram, targets, ridge) == pytest.approx(np.linalg.norm(left))
    objective = 0.5 * left @ left + ridge / 2 * moved @ moved
    assert theory.ridge_objective(gram, targets, ridge) == pytest.approx(objective)


def test_no_bound_on_residual_or_objective_is_broken_and_residuals_do_rise() -> None:
    """Also: what one would get with the symmetric norm in place of that of (K + ridge I)^-1 S is false."""
    rose = false_bound = 0
    for base, added, targets, ridge in cases(3000, 1):
        ratio = theory.ridge_residual(base + added, targets, ridge) / theory.ridge_residual(
            base, targets, ridge
        )
        least, greatest = theory.residual_ratio_range(base, added, ridge)
        lower, upper = theory.residual_ratio_bounds(base, added, ridge)
        assert lower <= least * SLACK <= ratio * SLACK**2 <= greatest * SLACK**3 <= upper * SLACK**4
        values = eigenvalues(base).clip(0) + ridge
        assert upper <= np.sqrt(values[0] / values[-1]) * SLACK
        fell = theory.ridge_objective(base + added, targets, ridge) / theory.ridge_objective(
            base, targets, ridge
        )
        bottom, top = theory.objective_ratio_range(base, added, ridge)
        assert bottom / SLACK <= fell <= top * SLACK
        assert top <= 1
        rose += ratio > 1 + 1e-9
        false_bound += ratio < bottom * (1 - 1e-9)
    assert rose > 10
    assert false_bound > 10


def test_third_partys_example_is_on_the_lower_bound() -> None:
    base, added, targets = np.array([[1.0]]), np.array([[3.0]]), np.array([1.0])
    residuals = [theory.ridge_residual(kernel, targets, 1.0) for kernel in (base, base + added)]
    assert residuals[1] / residuals[0] == pytest.approx(0.4, rel=1e-14)
    np.testing.assert_allclose(theory.residual_ratio_bounds(base, added, 1.0), [0.4, 1.0], rtol=1e-14)
    np.testing.assert_allclose(theory.residual_ratio_range(base, added, 1.0), [0.4, 0.4], rtol=1e-14)


@settings(max_examples=300)
@given(st.floats(1, 1e4), st.floats(0, 1e4))
def test_sharp_bounds_are_attained(condition: float, change: float) -> None:
    shifted, added = stretched(condition, change)
    ridge = 0.5
    base = shifted - ridge * np.eye(2)
    low, high = theory.relative_change(base, added, ridge)
    assert high == pytest.approx(change, rel=1e-6, abs=1e-9)
    expected = theory.residual_ratio_from(condition, change)
    assert theory.residual_ratio_range(base, added, ridge) == pytest.approx(expected, rel=1e-5)
    assert (
        1
        <= expected[1]
        <= (condition + 1) / (2 * np.sqrt(condition)) * SLACK
        <= np.sqrt(condition) * SLACK**2
    )


def test_sharp_bound_tends_to_the_ratio_of_means() -> None:
    np.testing.assert_allclose(theory.residual_ratio_from(9, np.inf), [0, 10 / 6], rtol=1e-14)
    assert theory.residual_ratio_from(9, 1e9)[1] == pytest.approx(10 / 6)
    assert theory.residual_ratio_from(1, 3) == (0.25, 1)


def test_bad_arguments_are_refused() -> None:
    one, two = np.eye(1), np.eye(2)
    with pytest.raises(InputError, match="added of shape"):
        theory.weyl(one, two)
    with pytest.raises(InputError, match="base must be positive semi-definite"):
        theory.weyl(-two, two)
    with pytest.raises(InputError, match="square"):
        theory.condition_bound(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(InputError, match="finite"):
        theory.condition_bound(two * np.nan, two)
    with pytest.raises(InputError, match="singular"):
        theory.relative_change(np.diag([1.0, 0.0]), two)
    with pytest.raises(InputError, match="ridge=-1"):
        theory.relative_change(two, two, -1)
    for broken in (0, -1.0, np.nan, np.inf):
        with pytest.raises(InputError, match="ridge="):
            theory.ridge_residual(two, np.ones(2), broken)
        with pytest.raises(InputError, match="ridge="):
            theory.residual_ratio_bounds(two, two, broken)
        with pytest.raises(InputError, match="ridge="):
            theory.objective_ratio_range(two, two, broken)
    with pytest.raises(InputError, match="targets of shape"):
        theory.ridge_objective(two, np.ones(3), 1.0)
    with pytest.raises(InputError, match="condition=0.5"):
        theory.residual_ratio_from(0.5, 1)
    with pytest.raises(InputError, match="change=-1"):
        theory.residual_ratio_from(2, -1)
    with pytest.raises(InputError, match="empty"):
        theory.weyl(np.zeros((0, 0)), np.zeros((0, 0)))

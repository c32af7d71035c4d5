"""Bounds of the lemmas: by hand, and in the limits that the theorems take."""

import pytest

from lintune.errors import InputError
from lintune.teacher.bounds import closeness, drift_orthonormal, drift_separated, gradient_variance


def test_the_drift_for_orthonormal_rows_by_hand() -> None:
    # (9 / (9 + 4))^2 * 0.5 * 0.1 * 4.
    assert drift_orthonormal(9, 2.0, 0.1, True, 2, 0.5) == pytest.approx(81 / 169 * 0.2)
    assert drift_orthonormal(9, 2.0, 0.1, False, 2, 0.5) == pytest.approx(81 / 169 * 0.2 / 3)


def test_the_drift_for_separated_rows_by_hand() -> None:
    assert drift_separated(16, 0.2, 0.5) == pytest.approx(0.2 * 0.25 / 8)


def test_the_variance_has_the_orders_that_the_step_sizes_take() -> None:
    # Theorem 11: k^2 at xi = 1. Theorem 12: ratio^2 k^4 at xi = ratio sqrt(k), here 1/2 of it at ratio 1.
    assert gradient_variance(10**6, 1.0, 2.0) == pytest.approx(16 * 4 * 10**12, rel=1e-5)
    assert gradient_variance(100, 10.0) == pytest.approx(100**4 / 2)
    # min{k, 4 xi^2} changes sides at xi = sqrt(k) / 2.
    assert gradient_variance(100, 5.0, constant=3.0) == pytest.approx(3 * 100**3 * 25 * 100 / 125)


def test_closeness_by_hand_and_where_the_change_is_large() -> None:
    assert closeness(0.1, 10, 2.0, 3.0, 0.5) == pytest.approx(0.1 * 14 / (2 * 0.5 * 9 * 4 * 100))
    assert closeness(0.1, 10, 1e6) == pytest.approx(0.1 / 200)


def test_what_is_out_of_range_is_refused() -> None:
    with pytest.raises(InputError, match="width=0 must be a whole number"):
        drift_separated(0, 0.1)
    with pytest.raises(InputError, match="exponent=-1 must be"):
        drift_orthonormal(4, 1.0, 0.1, True, -1)
    with pytest.raises(InputError, match="xi=0 must be positive"):
        gradient_variance(4, 0)
    with pytest.raises(InputError, match="epsilon=nan must be positive"):
        closeness(float("nan"), 4, 1.0)

"""The scalings: as printed, beside what the generic theorem gives for the same step, and in special cases."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from lintune.errors import InputError
from lintune.teacher.scalings import (
    Scaling,
    Setting,
    informal_orthonormal,
    informal_separated,
    orthonormal,
    separated,
    strong_orthonormal,
)

SETTING = Setting(dimension=1000, width=16, epsilon=0.1, smallest=0.5, largest=2.0, gamma=0.2)
LINEAR = replace(SETTING, linear=True)
PLAIN = Setting(dimension=1000, width=16, epsilon=0.1)
SHARE = 2.0**4 / (0.5**4 * 0.2**2)  # lambda_max^4 / (lambda_min^4 gamma^2)
ALL: list[Callable[..., Scaling]] = [
    informal_orthonormal,
    informal_separated,
    orthonormal,
    strong_orthonormal,
    separated,
]


def test_informal_theorems_are_as_printed() -> None:
    found = informal_orthonormal(SETTING)
    assert found.eta == pytest.approx(1e-3 / (1000 * 16**3.5))
    assert found.iterations == pytest.approx(1000 * 16**4 / 1e-4)
    found = informal_separated(SETTING)
    assert found.eta == pytest.approx(1e-3 / (1000 * 16**2.5))
    assert found.iterations == pytest.approx(1000 * 16**3 / 1e-4)


def test_full_theorems_are_as_printed() -> None:
    assert orthonormal(LINEAR).iterations == pytest.approx(SHARE * 1000 * 16**3 / 1e-4)
    assert orthonormal(SETTING).iterations == pytest.approx(SHARE * 1000 * 16**4 / 1e-4)
    assert strong_orthonormal(LINEAR, 0.5).iterations == pytest.approx(SHARE * 1000 * 16**3 / 0.25 / 1e-4)
    assert strong_orthonormal(SETTING, 0.5).iterations == pytest.approx(SHARE * 1000 * 16**4 / 0.25 / 1e-4)
    assert separated(SETTING).iterations == pytest.approx(SHARE * 1000 * 16**3 / 1e-4)


def test_step_sizes_are_delta_over_dimension_and_variance() -> None:
    # delta = S epsilon^3 with S = lambda_min^2 gamma, over sqrt(k) without a linear part.
    delta = 0.25 * 0.2 * 1e-3
    assert orthonormal(LINEAR).eta == pytest.approx(delta / (16 * 1000 * 16**2))
    assert orthonormal(SETTING).eta == pytest.approx(delta / 4 / (16 * 1000 * 16**2))
    # S has xi^2 = ratio^2 k more.
    far = delta * 0.25 * 16
    assert strong_orthonormal(LINEAR, 0.5).eta == pytest.approx(far / (0.25 * 16 * 1000 * 16**4))
    assert separated(SETTING).eta == pytest.approx(delta / 4 / (16 * 1000 * 16**2))


@pytest.mark.parametrize("setting", [SETTING, LINEAR, PLAIN])
@pytest.mark.parametrize("width", [4, 16, 100])
def test_for_orthonormal_rows_the_printed_time_is_width_times_that_of_the_printed_step(
    setting: Setting, width: int
) -> None:
    # Theorem 11 prints d k^3, and inserting its own delta and alpha gives d k^2; likewise 12, and so 1.
    setting = replace(setting, width=width)
    for found in (orthonormal(setting), strong_orthonormal(setting, 0.3), informal_orthonormal(setting)):
        assert found.iterations == pytest.approx(width * found.implied)


@pytest.mark.parametrize("setting", [SETTING, LINEAR, PLAIN])
def test_for_separated_rows_the_printed_time_is_that_of_the_printed_step(setting: Setting) -> None:
    for found in (separated(setting), informal_separated(setting)):
        assert found.iterations == pytest.approx(found.implied)


def test_theorem_11_has_the_power_of_the_width_that_is_said() -> None:
    narrow, wide = (orthonormal(replace(LINEAR, width=width)) for width in (10, 100))
    assert wide.iterations / narrow.iterations == pytest.approx(10**3)
    assert wide.implied / narrow.implied == pytest.approx(10**2)


def test_the_informal_theorems_are_the_full_ones_in_a_plain_setting() -> None:
    assert informal_separated(SETTING) == separated(PLAIN)
    first, twelfth = informal_orthonormal(SETTING), strong_orthonormal(PLAIN)
    for name in ("eta", "iterations", "implied"):
        assert getattr(first, name) == pytest.approx(getattr(twelfth, name))


@pytest.mark.parametrize("theorem", ALL)
def test_all_are_linear_in_the_dimension_and_take_factors(theorem: Callable[..., Scaling]) -> None:
    found, doubled = theorem(SETTING), theorem(replace(SETTING, dimension=2000))
    assert doubled.iterations == pytest.approx(2 * found.iterations)
    assert doubled.eta == pytest.approx(found.eta / 2)
    scaled = theorem(SETTING, eta_factor=3.0, time_factor=5.0)
    assert scaled.eta == pytest.approx(3 * found.eta)
    assert scaled.iterations == pytest.approx(5 * found.iterations)
    assert scaled.implied == pytest.approx(5 * found.implied)
    with pytest.raises(InputError, match=r"eta_factor=0\.0 must be positive"):
        theorem(SETTING, eta_factor=0.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("dimension", 1), ("width", 0), ("epsilon", 1.0), ("smallest", 3.0), ("largest", -1.0), ("gamma", 0.0)],
)
def test_settings_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(InputError, match=f"{name}={value} must be"):
        Setting(**{"dimension": 10, "width": 4, "epsilon": 0.1, name: value})  # type: ignore[arg-type]


def test_a_ratio_that_is_not_positive_is_refused() -> None:
    with pytest.raises(InputError, match="ratio=0 must be positive"):
        strong_orthonormal(SETTING, 0)

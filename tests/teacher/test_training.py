"""How a student is trained: what is refused, and some instances of it."""

from typing import Any

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.teacher.training import Training


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), np.array([0.1, -1.0])])
@pytest.mark.parametrize("name", ["rate", "c_rate"])
def test_step_sizes_are_finite_and_not_negative(name: str, value: float | np.ndarray) -> None:
    sizes: dict[str, Any] = {"rate": 0.1, name: value}
    with pytest.raises(InputError, match=rf"^{name}=.* must be finite and not negative"):
        Training(**sizes)


def test_what_is_not_possible_together_is_refused() -> None:
    with pytest.raises(InputError, match=r"unit=False is for student='linear'"):
        Training(0.1, unit=False)
    with pytest.raises(InputError, match=r"outside=False is for student='network'"):
        Training(0.1, student="linear", outside=False)
    with pytest.raises(InputError, match=r"student='lineer' is not known\. Did you mean 'linear'"):
        Training(0.1, student="lineer")  # type: ignore[arg-type]


def test_c_is_trained_where_its_step_size_is_not_zero() -> None:
    assert not Training(0.1).trains_c
    assert Training(0.1, 0.2).trains_c
    assert Training(0.1, np.array([0.0, 0.2])).trains_c


def test_step_sizes_are_one_for_each_instance() -> None:
    rate, c_rate = Training(0.1, np.array([0.2, 0.3])).rates(2)
    np.testing.assert_array_equal(rate, [0.1, 0.1])
    np.testing.assert_array_equal(c_rate, [0.2, 0.3])
    taken = Training(0.1, np.array([0.2, 0.3])).take(np.array([1]))
    assert taken.rate == 0.1
    np.testing.assert_array_equal(taken.c_rate, [0.3])

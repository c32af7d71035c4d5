"""The growth curve and its line: eigenvalues by hand, ends by hand, speeds of the modes."""

import numpy as np
import pytest

from lintune.studies.growth_curve import growth

TIMES = np.linspace(0, 40, 401)


def test_two_measurements_have_a_level_and_a_growth() -> None:
    found = growth([-0.5, 0.5], [1.0, 2.0], TIMES)
    np.testing.assert_allclose(found["gram"], [[1.25, 0.75], [0.75, 1.25]])
    np.testing.assert_allclose(found["eigenvalues"], [2, 0.5])
    np.testing.assert_allclose(np.sqrt(2) * found["eigenvectors"], [[1, -1], [1, 1]])


def test_each_mode_of_the_line_has_its_own_speed() -> None:
    found = growth([-0.5, 0.5], [1.0, 2.0], TIMES)
    expected = np.exp(-np.outer(TIMES, [2, 0.5])) / np.sqrt(2)
    np.testing.assert_allclose(found["line"], expected, atol=1e-12)


def test_line_and_curve_end_where_a_pencil_says() -> None:
    found = growth([-0.5, 0.5], [1.0, 2.0], TIMES)
    np.testing.assert_allclose(found["line_weights"][-1], [1.5, 1], atol=1e-6)
    np.testing.assert_allclose(found["curve_weights"][-1], [np.sqrt(2), np.log(2)], atol=1e-6)
    np.testing.assert_allclose(found["curve"][-1], 0, atol=1e-6)


def test_line_never_learns_a_bend() -> None:
    found = growth([-1.0, 0.0, 1.0], [2.0, 1.0, 2.0], TIMES)
    np.testing.assert_allclose(found["eigenvalues"], [3, 2, 0], atol=1e-12)
    assert found["line"][-1][2] == pytest.approx(found["line"][0][2])
    assert found["line"][0][2] == pytest.approx(2 / np.sqrt(6))

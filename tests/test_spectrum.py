"""Spectral quantities against matrices whose spectrum is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune import spectrum
from lintune.errors import InputError


def rotated(values: list[float], seed: int = 0) -> np.ndarray:
    basis, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=(len(values), len(values))))
    return np.asarray(basis @ np.diag(values) @ basis.T)


@given(st.lists(st.floats(0.1, 100), min_size=1, max_size=8))
def test_known_spectrum(values: list[float]) -> None:
    gram = rotated(values)
    np.testing.assert_allclose(spectrum.eigenvalues(gram), sorted(values, reverse=True), rtol=1e-8)
    assert spectrum.condition_number(gram) == pytest.approx(max(values) / min(values), rel=1e-8)
    assert spectrum.effective_dimension(gram, 2.0) == pytest.approx(
        sum(v / (v + 2) for v in values), rel=1e-8
    )


def test_singular_kernel_has_infinite_condition_number() -> None:
    assert spectrum.condition_number(rotated([3.0, 1.0, 0.0])) == np.inf
    assert spectrum.condition_number(np.zeros((2, 2))) == np.inf


def test_alignment_is_a_centred_cosine() -> None:
    labels = np.array([0, 0, 1, 1, 2])
    of_labels = spectrum.label_kernel(labels)
    assert spectrum.alignment(of_labels, of_labels) == pytest.approx(1)
    assert spectrum.alignment(3 * of_labels + 7, of_labels) == pytest.approx(1)
    assert spectrum.alignment(np.ones((5, 5)), of_labels) == 0
    rng = np.random.default_rng(0)
    features = rng.normal(size=(5, 3))
    assert -1 <= spectrum.alignment(features @ features.T, of_labels) <= 1


def test_example_kernel_is_the_trace_over_outputs() -> None:
    kernel = np.random.default_rng(0).normal(size=(3, 2, 4, 2))
    np.testing.assert_allclose(spectrum.example_kernel(kernel), kernel[:, 0, :, 0] + kernel[:, 1, :, 1])


def test_bad_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="square"):
        spectrum.eigenvalues(np.ones((2, 3)))
    with pytest.raises(InputError, match="symmetric"):
        spectrum.eigenvalues(np.array([[1.0, 2.0], [0.0, 1.0]]))
    with pytest.raises(InputError, match="ridge=0"):
        spectrum.effective_dimension(np.eye(2), 0)
    with pytest.raises(InputError, match="one size"):
        spectrum.alignment(np.eye(2), np.eye(3))

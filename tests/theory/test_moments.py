"""Moments of G_i^T G_j: from tokens as from gradients that are written out."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune import theory
from lintune.errors import InputError

FIELDS = ("trace", "square", "transposed", "diagonal")


@settings(deadline=None, max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.integers(1, 4), min_size=1, max_size=4),
    st.integers(1, 3),
    st.integers(1, 6),
    st.integers(1, 5),
)
def test_tokens_and_written_out_gradients_agree(
    seed: int, lengths: list[int], k: int, d_in: int, d_out: int
) -> None:
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(sum(lengths), d_in, generator=draw, dtype=torch.float64)
    g = torch.randn(k, sum(lengths), d_out, generator=draw, dtype=torch.float64)
    found = theory.token_moments(x, g, torch.tensor(lengths))
    spans = list(zip(x.split(lengths), g.split(lengths, dim=1), strict=True))
    written = np.array([(each.T @ x_i).numpy() for x_i, g_i in spans for each in g_i])
    expected = theory.gradient_moments(written)
    assert found.width == expected.width == d_in
    for field in FIELDS:
        value = getattr(expected, field)
        np.testing.assert_allclose(getattr(found, field), value, rtol=1e-9, atol=1e-9 * np.abs(value).max())


def test_moments_of_a_known_product() -> None:
    left, right = np.array([[1.0, 2.0]]), np.array([[3.0, -1.0]])  # M = [[3, -1], [6, -2]]
    found = theory.gradient_moments(np.array([left, right]))
    assert [getattr(found, field)[0, 1] for field in FIELDS] == [1, 50, 9 + 4 - 12, 13]


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match=r"gradients of shape \(2, 3\)"):
        theory.gradient_moments(np.zeros((2, 3)))
    with pytest.raises(InputError, match="do not fit"):
        theory.token_moments(torch.zeros(3, 2), torch.zeros(1, 3, 2), torch.tensor([2, 2]))

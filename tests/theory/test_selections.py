"""Kernels of random rows, columns and entries: sums over partitions, means and variances, design effects."""

import itertools
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune import theory
from lintune.errors import InputError

FIELDS = ("total", "rows", "columns", "entries")


def drawn(seed: int, number: int, rows: int, columns: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(number, rows, columns))


@settings(deadline=None, max_examples=30)
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
    found = theory.token_products(x, g, torch.tensor(lengths))
    spans = list(zip(x.split(lengths), g.split(lengths, dim=1), strict=True))
    expected = theory.gradient_products(
        np.array([(each.T @ x_i).numpy() for x_i, g_i in spans for each in g_i])
    )
    assert found.shape == expected.shape == (d_out, d_in)
    for field in FIELDS:
        value = getattr(expected, field)
        np.testing.assert_allclose(getattr(found, field), value, rtol=1e-9, atol=1e-9 * np.abs(value).max())


def test_slabs_that_split_a_layer_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    lengths = torch.tensor([2, 3])
    x, g = torch.randn(5, 7), torch.randn(2, 5, 6)
    whole = theory.token_products(x, g, lengths)
    monkeypatch.setattr("lintune.theory.selections._SLAB", 60)
    for field in FIELDS:
        np.testing.assert_allclose(
            getattr(theory.token_products(x, g, lengths), field), getattr(whole, field)
        )


@pytest.mark.parametrize("kind", ["rows", "columns", "entries"])
@pytest.mark.parametrize("count", [1, 2, 3])
def test_over_all_subsets_mean_and_variance_are_exact(kind: str, count: int) -> None:
    gradients = drawn(1, 3, 3, 4)
    h = np.einsum("iab,jab->abij", gradients, gradients)
    parts = {"rows": h.sum(1), "columns": h.sum(0), "entries": h.reshape(12, 3, 3)}[kind]
    size = len(parts)
    np.testing.assert_allclose(parts.sum(0), np.einsum("iab,jab->ij", gradients, gradients))
    subsets = list(itertools.combinations(range(size), count))
    kernels = np.array([parts[list(chosen)].sum(0) * size / count for chosen in subsets])
    products = theory.gradient_products(gradients)
    np.testing.assert_allclose(kernels.mean(0), products.total, atol=1e-12)
    np.testing.assert_allclose(kernels.var(0), theory.selection_variance(products, kind, count), atol=1e-12)


def test_variance_is_that_of_many_draws() -> None:
    gradients = drawn(2, 2, 40, 30)
    products = theory.gradient_products(gradients)
    rows = np.einsum("iab,jab->aij", gradients, gradients)
    rng = np.random.default_rng(0)
    kernels = np.array([rows[rng.permutation(40)[:5]].sum(0) * 8 for _ in range(20_000)])
    expected = theory.selection_variance(products, "rows", 5)
    np.testing.assert_allclose(kernels.var(0), expected, rtol=0.05)
    np.testing.assert_allclose(kernels.mean(0), products.total, atol=4 * math.sqrt(expected.max() / 20_000))


def test_independent_entries_have_the_bernoulli_variance() -> None:
    gradients = drawn(3, 2, 3, 3)
    products = theory.gradient_products(gradients)
    h = np.einsum("iab,jab->abij", gradients, gradients).reshape(9, 2, 2)
    masks = np.array(list(itertools.product([0, 1], repeat=9)))
    share = 0.3
    weights = np.prod(np.where(masks == 1, share, 1 - share), axis=1)
    kernels = np.einsum("wp,pij->wij", masks, h) / share
    mean = np.einsum("w,wij->ij", weights, kernels)
    np.testing.assert_allclose(mean, products.total)
    variance = np.einsum("w,wij->ij", weights, (kernels - mean) ** 2)
    np.testing.assert_allclose(variance, theory.bernoulli_variance(products, share))


def test_without_replacement_beats_independent_entries_where_squares_are_below_the_square() -> None:
    products = theory.gradient_products(drawn(4, 6, 5, 4))
    fixed, loose = (
        theory.selection_variance(products, "entries", 5),
        theory.bernoulli_variance(products, 0.25),
    )
    below = products.entries <= products.total**2
    assert (fixed[below] <= loose[below] + 1e-12).all()
    assert (fixed[~below] > loose[~below]).all()
    assert below.diagonal().all()


@pytest.mark.parametrize("kind", ["rows", "columns"])
def test_design_effect_is_the_ratio_at_any_equal_budget(kind: str) -> None:
    products = theory.gradient_products(drawn(5, 4, 6, 8))
    other = {"rows": 8, "columns": 6}[kind]
    for count in (1, 3, 5):
        ratio = theory.selection_variance(products, kind, count) / theory.selection_variance(
            products, "entries", count * other
        )
        np.testing.assert_allclose(theory.design_effect(products, kind), ratio)


def one_token(u: np.ndarray, v: np.ndarray) -> theory.Products:
    """Return the sums of two gradients with products H_ab = u_a v_b between them."""
    return theory.gradient_products(np.array([np.outer(np.ones_like(u), np.ones_like(v)), np.outer(u, v)]))


@settings(deadline=None, max_examples=80)
@given(st.integers(0, 2**32 - 1), st.integers(2, 7), st.integers(2, 7), st.floats(0, 2))
def test_one_token_has_its_threshold_in_the_participation_of_inputs(
    seed: int, m: int, d: int, shift: float
) -> None:
    rng = np.random.default_rng(seed)
    u, v = rng.normal(size=m) + shift, rng.normal(size=d) + shift
    effect = theory.design_effect(one_token(u, v), "rows")[0, 1]
    p_u, p_v = u.sum() ** 2 / (u**2).sum(), v.sum() ** 2 / (v**2).sum()
    threshold = d * (m - 1) / (m * d - 1 - p_u * (d - 1))
    if abs(p_v - threshold) > 1e-6:
        assert (effect > 1) == (p_v > threshold)
    by_hand = p_v * (1 - p_u / m) * (m * d - 1) / (d * (m - 1) * (1 - p_u * p_v / (m * d)))
    assert effect == pytest.approx(by_hand, rel=1e-6)


def test_design_effects_at_both_ends() -> None:
    # Inputs that are orthogonal: every row has exactly nothing, entries have not.
    orthogonal = one_token(np.arange(1.0, 6.0), np.array([1.0, -1.0, 2.0, -2.0]))
    assert theory.design_effect(orthogonal, "rows")[0, 1] == pytest.approx(0, abs=1e-12)
    # Equal inputs and one output that matters: the most that is possible.
    alike = one_token(np.array([1.0, 0, 0, 0, 0]), np.ones(4))
    assert theory.design_effect(alike, "rows")[0, 1] == pytest.approx((5 * 4 - 1) / (5 - 1))


def test_what_does_not_fit_is_refused() -> None:
    products = theory.gradient_products(drawn(0, 2, 3, 4))
    with pytest.raises(InputError, match=r"gradients of shape \(2, 3\)"):
        theory.gradient_products(np.zeros((2, 3)))
    with pytest.raises(InputError, match="do not fit"):
        theory.token_products(torch.zeros(3, 2), torch.zeros(1, 3, 2), torch.tensor([2, 2]))
    with pytest.raises(InputError, match="count=4 must be from 1 to 3"):
        theory.selection_variance(products, "rows", 4)
    with pytest.raises(InputError, match="kind='heads'"):
        theory.selection_variance(products, "heads", 1)
    with pytest.raises(InputError, match="kind='entries'"):
        theory.design_effect(products, "entries")
    with pytest.raises(InputError, match=r"share=0\.0"):
        theory.bernoulli_variance(products, 0.0)

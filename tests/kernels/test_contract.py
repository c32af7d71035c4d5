"""The two ways to contract factors, against the gradients written out."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.kernels.contract import Region, Sum, contract, mirrored

SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=5)


def factors(lengths: list[int], outputs: int, p: int, q: int, seed: int) -> Factors:
    generator = torch.Generator().manual_seed(seed)
    tokens = sum(lengths)
    x = torch.randn(tokens, p, generator=generator, dtype=torch.float64)
    g = torch.randn(outputs, tokens, q, generator=generator, dtype=torch.float64)
    return Factors(x, g, torch.tensor(lengths))


def written_out(part: Factors) -> torch.Tensor:
    starts = torch.cat([torch.zeros(1, dtype=torch.long), part.lengths.cumsum(0)])
    return torch.stack(
        [
            torch.einsum("ctq,tp->cqp", part.g[:, a:b], part.x[a:b])
            for a, b in zip(starts[:-1], starts[1:], strict=True)
        ]
    )


@settings(deadline=None, max_examples=50)
@given(rows=SIZES, columns=SIZES, outputs=st.integers(1, 3), p=st.integers(1, 5), q=st.integers(1, 5))
def test_both_ways_equal_the_written_out_products(
    rows: list[int], columns: list[int], outputs: int, p: int, q: int
) -> None:
    left, right = factors(rows, outputs, p, q, 0), factors(columns, outputs, p, q, 1)
    expected = torch.einsum("icqp,jdqp->icjd", written_out(left), written_out(right))
    for way in (token_gram, materialised_gram, gram):
        torch.testing.assert_close(way(left, right), expected, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(
            way(left, left), way(left, left).permute(2, 3, 0, 1), rtol=1e-12, atol=1e-12
        )


@pytest.mark.parametrize("slab", [1, 7, 1000])
def test_slab_size_does_not_matter(monkeypatch: pytest.MonkeyPatch, slab: int) -> None:
    part = factors([3, 1, 4], 2, 5, 6, 0)
    expected = token_gram(part, part)
    monkeypatch.setattr("lintune.kernels.contract._SLAB", slab)
    torch.testing.assert_close(materialised_gram(part, part), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(("tokens", "side", "way"), [(2, 64, "token_gram"), (64, 4, "materialised_gram")])
def test_the_cheaper_way_is_taken(monkeypatch: pytest.MonkeyPatch, tokens: int, side: int, way: str) -> None:
    taken: list[str] = []
    monkeypatch.setattr(f"lintune.kernels.contract.{way}", lambda *_: taken.append(way))
    gram(factors([tokens] * 2, 1, side, side, 0), factors([tokens] * 2, 1, side, side, 1))
    assert taken == [way]

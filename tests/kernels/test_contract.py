"""The ways to contract gradients, against the gradients written out by hand."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lintune.kernels import contract as module
from lintune.kernels.contract import Region, Sum, contract, mirrored
from lintune.kernels.written_out import slabs
from lintune.methods import Form, Outer, Vector

SIZES = st.lists(st.integers(1, 6), min_size=1, max_size=7)


def outer(lengths: list[int], outputs: int, p: int, q: int, seed: int = 0, lookups: bool = False) -> Outer:
    generator = torch.Generator().manual_seed(seed)
    tokens = sum(lengths)
    x = torch.randn(tokens, p, generator=generator, dtype=torch.float64)
    rows = torch.randint(0, p, (tokens,), generator=generator)
    g = torch.randn(outputs, tokens, q, generator=generator, dtype=torch.float64)
    return Outer(rows if lookups else x, g, torch.tensor(lengths))


def by_hand(form: Form) -> torch.Tensor:
    """Return the gradients `(n, k, P)`."""
    if isinstance(form, Vector):
        return form.v
    x = form.x if form.x.ndim == 2 else torch.eye(8, dtype=torch.float64)[form.x]
    ends = [0, *form.lengths.cumsum(0).tolist()]
    parts = [
        torch.einsum("ctq,tp->cqp", form.g[:, a:b], x[a:b]) for a, b in zip(ends[:-1], ends[1:], strict=True)
    ]
    return torch.stack(parts).flatten(2)


def computed(forms: list[Form], region: Region, signed: tuple[bool, bool] = (False, False)) -> torch.Tensor:
    lengths = next(form.lengths for form in forms if isinstance(form, Outer))
    outputs = by_hand(forms[0]).shape[1]
    total = torch.zeros(region.rows, outputs, len(lengths), outputs, dtype=torch.float64)
    wanted = Sum(forms, total, signed)
    contract([wanted], lengths, region)
    return mirrored(total) if wanted.symmetric and region.start == 0 else total


@settings(deadline=None, max_examples=60)
@given(
    lengths=SIZES,
    outputs=st.integers(1, 3),
    p=st.integers(1, 5),
    q=st.integers(1, 5),
    lookups=st.booleans(),
    pass_cost=st.sampled_from([0, 8, 10**9]),
    strip=st.sampled_from([1, 50, 10**6]),
    few=st.sampled_from([0, 1000]),
    data=st.data(),
)
def test_all_ways_equal_the_gradients_written_out(
    lengths: list[int],
    outputs: int,
    p: int,
    q: int,
    lookups: bool,
    pass_cost: int,
    strip: int,
    few: int,
    data: st.DataObject,
) -> None:
    """Whatever the way and the size of strips, for the square, a part of its rows, and without its corner."""
    form = outer(lengths, outputs, p, q, lookups=lookups)
    vector = Vector(torch.randn(len(lengths), outputs, 4, dtype=torch.float64))
    gradients = torch.cat([by_hand(form), by_hand(vector)], dim=2)
    rows = data.draw(st.integers(1, len(lengths)))
    start = data.draw(st.sampled_from([0, rows]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_PASS", pass_cost)
        patch.setattr(module, "_STRIP", {"cpu": strip})
        patch.setattr(module, "_THICK", 1)
        patch.setattr(module, "_FEW", few)
        patch.setattr(module, "_SLAB_ROWS", 2)
        found = computed([form, vector], Region(rows, start))
    expected = torch.einsum("icp,jdp->icjd", gradients[:rows], gradients)
    torch.testing.assert_close(found[:, :, start:], expected[:, :, start:], rtol=1e-12, atol=1e-12)


@settings(deadline=None, max_examples=40)
@given(lengths=SIZES, lookups=st.booleans(), rows_signed=st.booleans(), columns_signed=st.booleans())
def test_signs_are_of_whole_gradients(
    lengths: list[int], lookups: bool, rows_signed: bool, columns_signed: bool
) -> None:
    form = outer(lengths, 2, 4, 3, lookups=lookups)
    found = computed([form], Region(len(lengths)), (rows_signed, columns_signed))
    left, right = (by_hand(form).sign() if s else by_hand(form) for s in (rows_signed, columns_signed))
    torch.testing.assert_close(found, torch.einsum("icp,jdp->icjd", left, right), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("room", [1, 7, 1000])
@pytest.mark.parametrize("lookups", [False, True])
def test_slabs_together_hold_every_gradient_once(
    monkeypatch: pytest.MonkeyPatch, room: int, lookups: bool
) -> None:
    form = outer([3, 1, 4], 2, 5, 6, lookups=lookups)
    monkeypatch.setattr("lintune.kernels.written_out._SLAB", {"cpu": room})
    found = torch.cat(list(slabs(form)), dim=2)
    torch.testing.assert_close(found.square().sum(2), by_hand(form).square().sum(2), rtol=1e-12, atol=1e-12)
    assert found.shape[2] <= 5 * 6


@pytest.mark.parametrize(("tokens", "side", "written"), [(2, 512, False), (512, 4, True)])
def test_the_cheaper_way_is_taken(
    monkeypatch: pytest.MonkeyPatch, tokens: int, side: int, written: bool
) -> None:
    taken: list[Form] = []

    def noted(form: Form) -> Iterator[torch.Tensor]:
        taken.append(form)
        return iter(())

    monkeypatch.setattr(module, "_BEGIN", 0)
    monkeypatch.setattr(module, "slabs", noted)
    computed([outer([tokens] * 4, 1, side, side)], Region(4))
    assert bool(taken) == written


def test_shared_tensors_are_multiplied_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[torch.Tensor] = []
    inner = module._inner

    def noted(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
        counted.append(left)
        return inner(left, right)

    monkeypatch.setattr(module, "_inner", noted)
    monkeypatch.setattr(module, "_PASS", 0)
    query = outer([2, 3], 1, 4, 4)
    key = Outer(query.x, query.g[..., :2], query.lengths)
    computed([query, key, query], Region(2))
    assert len(counted) == 1

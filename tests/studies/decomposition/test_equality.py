"""The forms of a low-rank change are one set of matrices; what scalings are to singular values."""

import pytest
import torch

from lintune.errors import InputError
from lintune.methods import FLoRA, LoRA, ParallelAdapter, TriLoRA
from lintune.methods.layers import own_output
from lintune.studies.decomposition import as_lora, as_trilora, best_scale
from lintune.tangents import Site


def drawn(seed: int, *shape: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def site() -> Site:
    layer = torch.nn.Linear(6, 9, dtype=torch.float64)
    layer.weight.data, layer.bias.data = drawn(0, 9, 6), drawn(1, 9)
    return Site("layer", "linear", layer.requires_grad_(False), 0)


def test_what_one_form_writes_the_others_write() -> None:
    where, b, m, a = site(), drawn(2, 9, 3), drawn(3, 3, 3), drawn(4, 3, 6)
    flora = FLoRA(3).merged(where, {"B": b, "A": a, "M": m})["weight"]
    left, right = as_lora(b, m, a)
    lora = LoRA(3).merged(where, {"B": left, "A": right})["weight"]
    outer, middle, inner = as_trilora(left, right)
    trilora = TriLoRA(3).merged(where, {"B": outer, "A": inner, "M": middle})["weight"]
    back = FLoRA(3).merged(where, {"B": outer, "A": inner, "M": middle.diag()})["weight"]
    for other in (lora, trilora, back):
        torch.testing.assert_close(other, flora)
    assert float((flora - where.parameters["weight"]).norm()) > 1
    torch.testing.assert_close(outer.T @ outer, torch.eye(3, dtype=torch.float64))
    torch.testing.assert_close(inner @ inner.T, torch.eye(3, dtype=torch.float64))
    for one, other in zip(as_lora(b, middle, a), as_lora(b, middle.diag(), a), strict=True):
        torch.testing.assert_close(one, other)


def test_scaling_the_column_space_changes_singular_values_alone() -> None:
    u, s, v = torch.linalg.svd(drawn(5, 7, 4), full_matrices=False)
    first, second = drawn(6, 4).abs(), drawn(7, 4).abs()
    scaled = (u * first) @ s.diag() @ (second[:, None] * v)
    torch.testing.assert_close(scaled, u @ (first * s * second).diag() @ v)
    # Scaling rows turns the singular vectors.
    turned = torch.linalg.svd(drawn(8, 7).abs()[:, None] * (u * s @ v), full_matrices=False)[0]
    assert float((turned.T @ u).abs().diag().min()) < 0.99


def test_the_best_scale_beats_its_neighbours() -> None:
    target, change = drawn(9, 5, 4), drawn(10, 5, 4)
    best = best_scale(target, change)
    assert best == pytest.approx(float((target * change).sum() / (change * change).sum()))

    def error(s: float) -> float:
        return float((target - s * change).norm())

    assert error(best) < min(error(best + 0.01), error(best - 0.01))
    with pytest.raises(InputError, match="change=0"):
        best_scale(target, 0 * change)


def test_the_n_of_the_patterns_is_the_parallel_adapter() -> None:
    where, x = site(), drawn(11, 5, 6)
    values = {"B": drawn(12, 9, 3), "A": drawn(13, 3, 6)}
    lora = LoRA(3, alpha=6)
    between = own_output(where, x) + lora.scale * torch.relu(x @ values["A"].T) @ values["B"].T
    torch.testing.assert_close(ParallelAdapter(3, alpha=6).forward(where, values, x), between)
    # Without the non-linearity it is LoRA; with it, LoRA where every A x is positive.
    positive = values | {"A": values["A"].abs()}
    torch.testing.assert_close(
        ParallelAdapter(3).forward(where, positive, x.abs()), LoRA(3).forward(where, positive, x.abs())
    )

"""How near each family comes to a given change of a weight, by least squares, and with how many numbers."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch

from lintune.methods import LoRA
from lintune.studies.decomposition.change import Change

# What a family leaves of a change: how many numbers it has, and the squared Frobenius norm that remains.
Fit = tuple[int, float]


def low_rank(change: Change, rank: int) -> Fit:
    """Fit any change of rank r, by Eckart and Young's theorem: the floor of LoRA, TriLoRA and FLoRA."""
    return rank * sum(change.change.shape), float(change.spectrum[rank:].square().sum())


def singular_values(change: Change) -> Fit:
    """Fit U diag(s) V^T - W: the diagonal of U^T change V is met, and nothing else."""
    u, s, v = torch.linalg.svd(change.weight, full_matrices=False)
    met = torch.einsum("iq,ij,qj->q", u, change.change, v)
    return len(s), _left(change, float(met.square().sum()))


def outputs_scaled(change: Change) -> Fit:
    """Fit D W - W, a factor per output: IA3."""
    return change.weight.shape[0], _left(change, _along(change.weight, change.change, 1))


def inputs_scaled(change: Change) -> Fit:
    """Fit W D - W, a factor per input: SSL."""
    return change.weight.shape[1], _left(change, _along(change.weight, change.change, 0))


def both_scaled(change: Change, rounds: int = 30) -> Fit:
    """Fit D' W D - W: SSB; D' and D in turn, each by least squares, from D = I: a local minimum."""
    weight, end = change.weight, change.weight + change.change
    inputs = torch.ones_like(weight[0])
    for _ in range(rounds):
        scaled = weight * inputs
        outputs = _ratio((scaled * end).sum(1), scaled.square().sum(1))
        scaled = weight * outputs[:, None]
        inputs = _ratio((scaled * end).sum(0), scaled.square().sum(0))
    return sum(weight.shape), float((end - weight * inputs * outputs[:, None]).square().sum())


def rows(change: Change, count: int) -> Fit:
    """Fit a change of the best `count` rows."""
    return count * change.weight.shape[1], _left(change, _largest(change.change.square().sum(1), count))


def columns(change: Change, count: int) -> Fit:
    """Fit a change of the best `count` columns."""
    return count * change.weight.shape[0], _left(change, _largest(change.change.square().sum(0), count))


def entries(change: Change, count: int) -> Fit:
    """Fit a change of the best `count` entries."""
    return count, _left(change, _largest(change.change.square().flatten(), count))


def with_a_held(change: Change, rank: int, seed: int) -> Fit:
    """Fit B A with LoRA's random A as it starts: what the model linear at the start can write."""
    a = LoRA(rank=rank, seed=seed).a(change.layer, change.weight.shape[1]).double()
    basis = torch.linalg.qr(a.T)[0]
    return rank * change.weight.shape[0], _left(change, float((change.change @ basis).square().sum()))


def reconstructions(changes: Sequence[Change], ranks: Sequence[int], seed: int = 0) -> pd.DataFrame:
    """Return what each family leaves of the changes, all layers together.

    Args:
        changes: Of each layer.
        ranks: For families with a dial. A layer's entries are as many as LoRA's numbers at that rank.
        seed: Of A, where it is held.

    Returns:
        A row per family and rank (0 for families without a dial): `family`, `rank`, `parameters`, `error`,
        the Frobenius norm of what is left over that of the changes.
    """
    whole = sum(float(change.change.square().sum()) for change in changes)
    found = [_pooled(family, rank, fits, whole) for family, rank, fits in _all(changes, ranks, seed)]
    return pd.DataFrame(found)


def _all(changes: Sequence[Change], ranks: Sequence[int], seed: int) -> Iterator[tuple[str, int, list[Fit]]]:
    for name, family in {
        "singular values": singular_values,
        "IA3": outputs_scaled,
        "SSL": inputs_scaled,
        "SSB": both_scaled,
    }.items():
        yield name, 0, [family(each) for each in changes]
    for rank in ranks:
        yield "any change of rank r", rank, [low_rank(each, rank) for each in changes]
        yield "LoRA, A held", rank, [with_a_held(each, rank, seed) for each in changes]
        yield "best rows", rank, [rows(each, rank) for each in changes]
        yield "best columns", rank, [columns(each, rank) for each in changes]
        yield "best entries", rank, [entries(each, rank * sum(each.weight.shape)) for each in changes]


def _pooled(family: str, rank: int, fits: Sequence[Fit], whole: float) -> dict[str, object]:
    left = sum(square for _, square in fits)
    return {
        "family": family,
        "rank": rank,
        "parameters": sum(count for count, _ in fits),
        "error": float(np.sqrt(left / whole)),
    }


def _left(change: Change, met: float) -> float:
    return max(0.0, float(change.change.square().sum()) - met)


def _along(weight: torch.Tensor, change: torch.Tensor, axis: int) -> float:
    """Return how much of the change lies along the weight's rows (axis 1) or columns (0), squared."""
    inner, square = (weight * change).sum(axis), weight.square().sum(axis)
    return float((_ratio(inner, square) * inner).sum())


def _ratio(above: torch.Tensor, below: torch.Tensor) -> torch.Tensor:
    return torch.where(below > 0, above / below.where(below > 0, torch.ones_like(below)), 0.0)


def _largest(squares: torch.Tensor, count: int) -> float:
    return float(squares.topk(min(count, len(squares))).values.sum())

"""LoRA, TriLoRA and FLoRA asked to match a given change, from their starts, step by step."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch

from lintune.errors import InputError, unknown_name
from lintune.methods import LoRA, TriLoRA
from lintune.studies.decomposition.change import Change
from lintune.words import listed, several

FORMS = ("LoRA", "TriLoRA", "FLoRA")
Optimiser = Literal["gd", "adam"]
Factors = dict[str, torch.Tensor]


def starts(form: str, change: Change, rank: int, seeds: Sequence[int]) -> Factors:
    """Return the factors where training starts, those of the library's methods, one slab per seed.

    Returns:
        B `(S, d_out, r)` and A `(S, r, d_in)`; with a middle factor also M `(S, r, r)` or `(S, r)`. Float32.
    """
    if form not in FORMS:
        raise unknown_name("form", form, FORMS)
    d_out, d_in = change.weight.shape
    a = torch.stack([LoRA(rank=rank, seed=seed).a(change.layer, d_in) for seed in seeds])
    if form == "LoRA":
        return {"B": torch.zeros(len(seeds), d_out, rank), "A": a}
    b = torch.stack([TriLoRA(rank=rank, seed=seed).b(change.layer, d_out) for seed in seeds])
    return {"B": b, "A": a, "M": torch.zeros(len(seeds), *((rank, rank) if form == "FLoRA" else (rank,)))}


def left_factor(factors: Factors) -> torch.Tensor:
    """Return B, B diag(M) or B M, `(S, d_out, r)`."""
    b, m = factors["B"], factors.get("M")
    if m is None:
        return b
    return b @ m if m.ndim == 3 else b * m[:, None, :]


def squares_left(target: torch.Tensor, factors: Factors) -> torch.Tensor:
    """Return ||target - B M A||^2 `(S,)` without forming the product; differentiable."""
    left, a = left_factor(factors), factors["A"]
    projected = torch.einsum("ij,srj->sir", target, a)
    inner = (projected * left).sum((1, 2))
    return target.square().sum() - 2 * inner + ((left.mT @ left) * (a @ a.mT)).sum((1, 2))


def descend(
    change: Change,
    form: str,
    rank: int,
    seeds: Sequence[int],
    rate: float,
    steps: int,
    optimiser: Optimiser,
    device: str = "cpu",
) -> np.ndarray:
    """Match a change of Frobenius norm one, and return the relative error at every step, `(S, steps + 1)`.

    Args:
        change: What to match; it is divided by its norm.
        form: One of `FORMS`.
        rank: Rank r.
        seeds: One run each, all at once.
        rate: Learning rate.
        steps: Number of steps.
        optimiser: `gd` or `adam`.
        device: Where to compute.

    Raises:
        InputError: The form or the optimiser is not known, or the rate not positive.
    """
    if optimiser not in ("gd", "adam") or not rate > 0:
        raise InputError(f"optimiser={optimiser!r} must be 'gd' or 'adam', and rate={rate} positive.")
    target = (change.change / change.change.norm()).float().to(device)
    factors = {name: each.to(device) for name, each in starts(form, change, rank, seeds).items()}
    moments: dict[str, list[torch.Tensor]] = {
        name: [torch.zeros_like(each), torch.zeros_like(each)] for name, each in factors.items()
    }
    errors = []
    for step in range(steps + 1):
        leaves = {name: each.detach().requires_grad_() for name, each in factors.items()}
        squares = squares_left(target, leaves)
        errors.append(squares.detach().clamp(min=0).sqrt().cpu().numpy())
        grads = torch.autograd.grad(squares.sum() / 2, list(leaves.values()))
        for (name, value), grad in zip(leaves.items(), grads, strict=True):
            move = grad if optimiser == "gd" else _adam(moments[name], grad, step + 1)
            factors[name] = value.detach() - rate * move
    return np.stack(errors, axis=1)


def race(
    changes: Sequence[Change],
    rank: int,
    seeds: Sequence[int],
    rates: Sequence[float],
    steps: int,
    optimiser: Optimiser,
    device: str = "cpu",
) -> list[dict[str, Any]]:
    """Let every form match every change at every rate of one grid, and keep for each form its best rate.

    The best rate of a form and layer has the least mean error over the seeds after the last step. Runs
    that leave the finite numbers count as having an infinite error.

    Returns:
        A row per layer and form: `layer`, `form`, `optimiser`; `rate`, the best, and `edge`, whether it is
        the first or last of the grid; `errors` `(S, steps + 1)`; `floor`, of the best change of rank r.
    """
    found = []
    for change in changes:
        for form in FORMS:
            runs = [descend(change, form, rank, seeds, rate, steps, optimiser, device) for rate in rates]
            ends = [float(np.nan_to_num(run[:, -1], nan=np.inf).mean()) for run in runs]
            best = int(np.argmin(ends))
            found.append(
                {
                    "layer": change.layer,
                    "form": form,
                    "optimiser": optimiser,
                    "rate": rates[best],
                    "edge": best in (0, len(rates) - 1),
                    "errors": runs[best],
                    "floor": change.floor(rank),
                }
            )
    return found


def summary(found: Sequence[dict[str, Any]], near: float = 1.1) -> pd.DataFrame:
    """Return a row per run.

    Args:
        found: As `race` returns it.
        near: What error over the floor counts as having arrived.

    Returns:
        `layer`, `form`, `optimiser`, `rate`, `edge`, `floor`; `seed`, its place; `error` at the end; `above`,
        the error over the floor, 1 being the best that rank r allows; `steps` until it was `near`, not a
        number where it never was.
    """
    rows = []
    for each in found:
        same = {key: each[key] for key in ("layer", "form", "optimiser", "rate", "edge", "floor")}
        for seed, path in enumerate(each["errors"]):
            above = np.asarray(path) / max(each["floor"], 1e-12)
            arrived = np.flatnonzero(above <= near)
            steps = float(arrived[0]) if len(arrived) else float("nan")
            end = {"seed": seed, "error": float(path[-1]), "above": float(above[-1]), "steps": steps}
            rows.append(same | end)
    return pd.DataFrame(rows)


def ranking(table: pd.DataFrame) -> tuple[str, ...]:
    """Return the forms from the nearest to the farthest, where that order is the same in every layer.

    Args:
        table: What `summary` returns, of one optimiser; errors at the end are averaged over starts.

    Returns:
        The forms in their order; nothing where layers differ in it, or two forms end equally near.
    """
    means = table.groupby(["layer", "form"]).error.mean().unstack()
    orders = {tuple(map(str, row.sort_values().index)) for _, row in means.iterrows() if row.is_unique}
    return orders.pop() if len(orders) == 1 and (means.nunique(axis=1) == means.shape[1]).all() else ()


def apart(table: pd.DataFrame, forms: Sequence[str] = FORMS) -> pd.Series:
    """Return by layer whether some two of these forms differ by more than their starts do.

    That is, whether the ranges of their errors at the end over the starts do not meet. By chance it is so
    of two forms with three starts each in 1 of 10 layers.

    Args:
        table: What `summary` returns, of one optimiser.
        forms: Which forms to compare.
    """
    ranges = table[table.form.isin(list(forms))].groupby(["layer", "form"]).error.agg(["min", "max"])
    by_layer = ranges.groupby(level="layer")
    return by_layer["min"].max() > by_layer["max"].min()


def order(table: pd.DataFrame) -> str:
    """Say which form ends nearest, by the runs of each layer and seed.

    Returns:
        `FLoRA first` where the order FLoRA, TriLoRA, LoRA from least to largest error holds for the means
        over seeds of every layer; `LoRA first` where the opposite order does; else `mixed`.
    """
    found = ranking(table)
    return "FLoRA first" if found == FORMS[::-1] else "LoRA first" if found == FORMS else "mixed"


def order_in_words(table: pd.DataFrame) -> str:
    """Return in words in which order the forms end, what of FLoRA, TriLoRA, LoRA is in it, and how surely.

    Returns:
        Such as `LoRA, FLoRA, TriLoRA from nearest to farthest in every layer, with FLoRA before TriLoRA as
        suggested (closer than the starts: FLoRA to TriLoRA in 2 of 3 layers)`, or `no order that holds in
        every layer`.
    """
    found = ranking(table)
    if not found:
        return "no order that holds in every layer"
    kept = [f"{a} before {b}" for a, b in pairwise(FORMS[::-1]) if found.index(a) < found.index(b)]
    told = f"with {listed(kept)} as suggested" if kept else "nothing of it as suggested"
    alike = {f"{a} to {b}": ~apart(table, (a, b)) for a, b in pairwise(found)}
    close = listed(f"{pair} in {int(same.sum())}" for pair, same in alike.items() if same.any())
    layers = several(table.layer.nunique(), "layer")
    beside = f" (closer than the starts: {close} of {layers})" if close else ""
    return f"{', '.join(found)} from nearest to farthest in every layer, {told}{beside}"


def _adam(moments: list[torch.Tensor], grad: torch.Tensor, step: int) -> torch.Tensor:
    """Return Adam's direction with its usual constants, and move the moments."""
    moments[0] = 0.9 * moments[0] + 0.1 * grad
    moments[1] = 0.999 * moments[1] + 0.001 * grad.square()
    mean, square = moments[0] / (1 - 0.9**step), moments[1] / (1 - 0.999**step)
    return mean / (square.sqrt() + 1e-8)

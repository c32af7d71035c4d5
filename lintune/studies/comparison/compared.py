"""The methods that are compared: each on the linear layers of the same blocks."""

import math
from collections.abc import Sequence
from dataclasses import fields, replace

from transformers import PreTrainedModel

from lintune.errors import unknown_name
from lintune.methods import (
    IA3,
    METHODS,
    SSB,
    SSL,
    AdaLoRA,
    Biases,
    Columns,
    DoRA,
    Entries,
    FLoRA,
    Full,
    LoRA,
    Method,
    Norms,
    ParallelAdapter,
    Rows,
    SingularValues,
    TriLoRA,
    VeRA,
    Weights,
    count_parameters,
)
from lintune.tangents import all_sites, lowest_of_top, top_layers

# What the others are held against.
BASE = "LoRA"
# What the table has. Of `Full` on linear layers nothing is left beside `Weights` but biases.
_KNOWN: tuple[type[Method], ...] = (
    *(Full, Biases, Weights, Norms, Rows, Columns, Entries, LoRA, ParallelAdapter, DoRA, TriLoRA),
    *(AdaLoRA, FLoRA, VeRA, IA3, SSL, SSB, SingularValues),
)

FAMILIES: dict[str, tuple[type, ...]] = {
    "parts of the weights": (Weights, Norms, Biases, Rows, Columns, Entries),
    "low rank, one factor at first": (LoRA, ParallelAdapter, DoRA),
    "low rank, between two random factors": (TriLoRA, FLoRA),
    "scalings": (IA3, SSL, SSB, VeRA, SingularValues),
}


def family(method: Method) -> str:
    """Return which family of `FAMILIES` a method is of, by what moves first; `others` for a new one."""
    return next((name for name, kinds in FAMILIES.items() if isinstance(method, kinds)), "others")


def seeded(method: Method, seed: int) -> Method:
    """Return the method with another seed of what it draws; as it is where it draws nothing.

    Draws of examples then differ in these as well, and the spread over them holds both.
    """
    draws = "seed" in {field.name for field in fields(method)}  # type: ignore[arg-type]
    return replace(method, seed=seed) if draws else method  # type: ignore[type-var]


def compared(
    model: PreTrainedModel,
    depth: int,
    *,
    rank: int = 8,
    count: int = 3,
    names: Sequence[str] | None = None,
) -> dict[str, Method]:
    """Return the methods by name, each on the linear layers of the top blocks.

    Norms are those of the same blocks, and so are biases, where the model has any. The scale of low-rank
    methods is alpha = 2 r. Single entries are as many as the rows have, spread evenly over the layers.
    LoRA stands there a second time, at the rank whose number of parameters is nearest to that of the rows
    by ratio, and rows a second time at the count nearest to that LoRA, which is nearer. A registered method
    that is missing from the table comes with its default options, on the same layers where it has a field
    `targets`.

    Args:
        model: The model.
        depth: Of how many blocks, from the top.
        rank: Rank r of the low-rank methods.
        count: How many rows, and columns.
        names: Which of them; None for all.

    Raises:
        InputError: More blocks than the model has, a size that does not fit a layer, or an unknown name.
    """
    layers = top_layers(model, depth)
    found = _table(model, depth, layers, rank, count) | _others(layers)
    for name in names or ():
        if name not in found:
            raise unknown_name("names", name, found)
    chosen = {name: found[name] for name in (names or found)}
    for method in chosen.values():
        method.sites(model)  # refuses what does not fit, before any work
    return chosen


def _table(
    model: PreTrainedModel, depth: int, layers: tuple[str, ...], rank: int, count: int
) -> dict[str, Method]:
    rows, alpha = Rows(count, targets=layers), 2.0 * rank
    budget = count_parameters(rows, model)
    small = _nearest(budget, count_parameters(LoRA(1, targets=layers), model))
    of_small = count_parameters(LoRA(small, targets=layers), model)
    near = _nearest(of_small, count_parameters(Rows(1, targets=layers), model))
    low = {"rank": rank, "alpha": alpha, "targets": layers}
    return {
        "weights": Weights(layers),
        "norms": Norms(_in_top_blocks(model, depth, "norm")),
        **_biases(model, depth),
        f"rows {count}": rows,
        f"rows {near}": Rows(near, targets=layers),
        f"columns {count}": Columns(count, targets=layers),
        "entries": Entries(max(1, round(budget / len(layers))), targets=layers),
        "LoRA": LoRA(**low),  # type: ignore[arg-type]
        f"LoRA, rank {small}": LoRA(small, 2.0 * small, layers),
        "LoRA + MPC_o": LoRA(**low, mpc="o"),  # type: ignore[arg-type]
        "LoRA + MPC_d": LoRA(**low, mpc="d"),  # type: ignore[arg-type]
        "parallel adapter": ParallelAdapter(**low),  # type: ignore[arg-type]
        "DoRA": DoRA(**low),  # type: ignore[arg-type]
        "TriLoRA": TriLoRA(**low),  # type: ignore[arg-type]
        "AdaLoRA": AdaLoRA(**low),  # type: ignore[arg-type]
        "AdaLoRA without MPC_o": AdaLoRA(**low, mpc=None),  # type: ignore[arg-type]
        "FLoRA": FLoRA(**low),  # type: ignore[arg-type]
        "VeRA": VeRA(targets=layers),
        "IA3": IA3(targets=layers, feedforward=()),
        "SSL": SSL(layers),
        "SSB": SSB(layers),
        "singular values": SingularValues(layers),
    }


def _others(layers: tuple[str, ...]) -> dict[str, Method]:
    """Return the registered methods that the table lacks, with their default options."""
    found: dict[str, Method] = {}
    for name, made in METHODS.items():
        if made not in _KNOWN:
            placed = "targets" in {field.name for field in fields(made)}  # type: ignore[arg-type]
            found[name] = made(targets=layers) if placed else made()  # type: ignore[call-arg]
    return found


def _biases(model: PreTrainedModel, depth: int) -> dict[str, Method]:
    names = _in_top_blocks(model, depth, "linear", "norm", with_bias=True)
    return {"biases": Biases(names)} if names else {}


def _in_top_blocks(
    model: PreTrainedModel, depth: int, *kinds: str, with_bias: bool = False
) -> tuple[str, ...]:
    lowest = lowest_of_top(model, depth)
    return tuple(
        name
        for name, site in all_sites(model).items()
        if site.kind in kinds
        and site.block is not None
        and site.block >= lowest
        and (not with_bias or "bias" in site.parameters)
    )


def _nearest(budget: int, of_one: int) -> int:
    """Return the rank, or count, whose number of parameters is nearest to a budget, as a ratio."""
    below = max(1, budget // of_one)
    return min((below, below + 1), key=lambda many: abs(math.log(many * of_one / budget)))

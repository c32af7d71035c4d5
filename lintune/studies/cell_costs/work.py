"""The work of a cell, piece by piece: how often each constituent is done, and what its cost grows with.

A constituent is what `benchmarks.cells` measures. Its terms are counts: passes through blocks (what a call
costs however small it is), tokens times weights (products), and what belongs to the trained numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from lintune.prompted.batches import spans
from lintune.studies.cell_costs.sizes import Sizes
from lintune.studies.cells.effort import Effort

# As `lintune.finetune.network`, `Attached.outputs_on` and `Prefix.states` cut passes, and as the engine does.
_PASS, _PREFIX, _CAPTURE = 2048, 4096, 1024
# As `lintune.finetune.twin.FeatureTwin` stores derivatives at most, and a capture keeps graphs, in bytes.
_STORED, _KEPT = 4_000_000_000, 6_000_000_000

Terms = tuple[float, ...]


@dataclass(frozen=True)
class Lengths:
    """Tokens of each prompt of a draw.

    Attributes:
        train: `(n,)`.
        validation: `(v,)`.
        test: `(m,)`.
    """

    train: tuple[int, ...]
    validation: tuple[int, ...]
    test: tuple[int, ...]


@dataclass(frozen=True)
class Piece:
    """A constituent of a cell.

    Attributes:
        constituent: Its name, one of `TERMS`.
        times: How often it is done.
        terms: What its cost grows with, one number for each name in `TERMS`.
    """

    constituent: str
    times: float
    terms: Terms


# What each constituent's cost grows with.
TERMS: dict[str, tuple[str, ...]] = {
    "load": ("processes", "parameters"),
    "prefix": ("block passes", "tokens x weights"),
    "forward": ("block passes", "tokens x weights"),
    "step": ("block passes", "tokens x weights", "trained numbers"),
    "kernel": ("block passes", "tokens x weights", "contraction", "frozen tokens x weights"),
    "derivatives": ("block passes", "tokens x weights", "stored numbers"),
    "twin step": ("products", "stored numbers in a step"),
    "twin pass": ("block passes", "tokens x weights", "trained numbers"),
}


def load(sizes: Sizes) -> Piece:
    """Return starting Python and loading the model."""
    return Piece("load", 1, (1.0, float(sizes.parameters)))


def prefix(sizes: Sizes, lengths: Sequence[int]) -> Piece:
    """Return the frozen blocks for some prompts."""
    passes, through = _through(sizes.frozen, sizes.frozen_weights, lengths, _PREFIX)
    return Piece("prefix", passes, through)


def forward(sizes: Sizes, lengths: Sequence[int], times: float = 1) -> Piece:
    """Return the tuned blocks for some prompts, without gradients."""
    passes, through = _through(sizes.tuned, sizes.tuned_weights, lengths, _PASS)
    return Piece("forward", times * passes, through)


def step(sizes: Sizes, lengths: Sequence[int], times: float = 1) -> Piece:
    """Return a step of Adam on a batch."""
    passes, through = _through(sizes.tuned, sizes.tuned_weights, lengths, _PASS)
    return Piece("step", times * passes, (*through, float(sizes.trained)))


def kernel(sizes: Sizes, lengths: Sequence[int]) -> Piece:
    """Return the tangent kernel of some prompts from one capture.

    Frozen blocks are run for its first batch, which shows in what form they return their outputs. Gradients
    are contracted by the cheaper of the two ways of `lintune.kernels.contract`: over pairs of tokens, or
    written out.
    """
    passes = _count(lengths, _CAPTURE) * sizes.tuned * (1 + sizes.outputs)
    tokens, rows, k = sum(lengths), len(lengths), sizes.outputs
    contraction = min(tokens**2 * sizes.widths * k**2, (tokens * k + (rows * k) ** 2) * sizes.tuned_weights)
    start, stop = next(spans(lengths, _CAPTURE))
    terms = (
        passes,
        tokens * sizes.tuned_weights * (1 + sizes.outputs),
        contraction,
        sum(lengths[start:stop]) * sizes.frozen_weights,
    )
    return Piece("kernel", 1, tuple(map(float, terms)))


def derivatives(sizes: Sizes, lengths: Sequence[int]) -> Piece:
    """Return the derivatives of the outputs of some prompts, written out."""
    passes = len(lengths) * sizes.tuned * (1 + sizes.outputs)
    products = sum(lengths) * sizes.tuned_weights * (1 + sizes.outputs)
    stored = len(lengths) * sizes.outputs * sizes.trained
    return Piece("derivatives", 1, (float(passes), float(products), float(stored)))


def twin_step(sizes: Sizes, batch: int, times: float = 1) -> Piece:
    """Return a step of the linear twin on stored derivatives."""
    return Piece(
        "twin step",
        times,
        (float(batch * sizes.outputs * sizes.tuned), float(batch * sizes.outputs * sizes.trained)),
    )


def twin_pass(sizes: Sizes, lengths: Sequence[int], times: float = 1) -> Piece:
    """Return the twin's outputs for prompts whose derivatives are not stored, by forward mode."""
    passes, through = _through(sizes.tuned, sizes.tuned_weights, lengths, _PASS)
    return Piece("twin pass", times * passes, (*through, float(sizes.trained)))


def pieces(sizes: Sizes, lengths: Lengths, effort: Effort) -> list[Piece]:
    """Return all that `lintune.studies.cells.cell` does, loading included."""
    everything = (*lengths.train, *lengths.validation, *lengths.test)
    batch = _batch(lengths.train, effort.batch)
    gradients = effort.steps + 1  # the loop looks once more at the end
    evaluated = (*lengths.train, *lengths.validation)
    runs = effort.trials + 1
    return [
        load(sizes),
        prefix(sizes, everything),
        kernel(sizes, evaluated),
        step(sizes, batch, runs * gradients),
        forward(sizes, evaluated, effort.trials),
        forward(sizes, (*lengths.train, *lengths.test)),
        forward(sizes, lengths.test, 2),  # scores with the trained values and at the start
        *_twin(sizes, lengths, batch, gradients),
    ]


def held(sizes: Sizes, lengths: Lengths, effort: Effort) -> list[Terms]:
    """Return, for each moment at which much is held at a time, what its memory grows with.

    That is: processes, bytes of the model, of what graphs keep, of trained values with gradients and
    optimiser, and of stored derivatives.
    """
    batch = _batch(lengths.train, effort.batch)
    both = (*lengths.train, *lengths.validation)
    stored = not _too_many(sizes, lengths.train)
    return [
        holding(sizes, block=min(sum((*both, *lengths.test)), _PREFIX) if sizes.frozen else 0),
        kernel_holding(sizes, sum(both)),
        holding(
            sizes,
            graph=max(min(sum(batch), _PASS), *lengths.train, *lengths.test),
            block=2 * min(sum(lengths.test), _PASS),  # forward mode carries derivatives along
            states=1 + stored,
            stored=stored * len(lengths.train),
        ),
    ]


def kernel_holding(sizes: Sizes, tokens: int) -> Terms:
    """Return what the memory of a capture grows with: all graphs, and what each output sends back."""
    return holding(sizes, graph=tokens, block=tokens * (1 + sizes.outputs), kept=_KEPT)


def holding(
    sizes: Sizes,
    *,
    graph: int = 0,
    block: int = 0,
    states: int = 0,
    stored: int = 0,
    kept: float = float("inf"),
) -> Terms:
    """Return what the memory of a moment grows with.

    Args:
        sizes: Model and method.
        graph: Tokens whose graph through the tuned blocks is kept.
        block: Tokens of which one block is in memory.
        states: Trained copies, each with its gradient and the two moments of Adam.
        stored: Examples whose derivatives are stored.
        kept: Most bytes of graphs.
    """
    activations = (graph + block / sizes.tuned) * sizes.widths
    return (
        1.0,
        float(sizes.parameters * sizes.itemsize),
        min(float(activations * sizes.itemsize), kept),
        float(states * 4 * sizes.trained * sizes.itemsize),
        float(stored * sizes.outputs * sizes.trained * sizes.itemsize),
    )


def _twin(sizes: Sizes, lengths: Lengths, batch: Sequence[int], gradients: int) -> list[Piece]:
    if not _too_many(sizes, lengths.train):
        return [
            derivatives(sizes, lengths.train),
            twin_step(sizes, len(batch), gradients),
            twin_pass(sizes, lengths.test),
        ]
    # The network is differentiated again at every step, forward and backward.
    return [
        twin_pass(sizes, batch, gradients),
        step(sizes, batch, gradients),
        twin_pass(sizes, (*lengths.train, *lengths.test)),
    ]


def _too_many(sizes: Sizes, train: Sequence[int]) -> bool:
    return len(train) * sizes.outputs * sizes.trained * sizes.itemsize > _STORED


def _through(blocks: int, weights: int, lengths: Sequence[int], budget: int) -> tuple[int, Terms]:
    """Return in how many passes prompts go through blocks, and the terms of one of them, their mean."""
    passes = _count(lengths, budget)
    return passes, (float(blocks), sum(lengths) * weights / passes)


def _count(lengths: Sequence[int], budget: int) -> int:
    return sum(1 for _ in spans(lengths, budget))


def _batch(train: Sequence[int], size: int | None) -> list[int]:
    """Return the lengths of a batch of the usual size, all of them the mean."""
    count = len(train) if size is None else min(size, len(train))
    return [round(sum(train) / len(train))] * count

"""Which examples are in memory together, so that a computation fits the memory it is given."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from transformers import PreTrainedModel

from lintune.prompted.batches import spans
from lintune.tangents import Site, linear_weight, tunable_layers


@dataclass(frozen=True)
class Pass:
    """One walk: the kernel between some training examples and themselves, or some other examples, or both.

    Attributes:
        rows: First and last of the training examples that are rows.
        columns: First and last of the examples that are columns beside the rows themselves; empty if none.
        corner: Whether the kernel among the rows themselves is wanted.
        recompute: Whether blocks are run again in the backward walk instead of kept.
        columns_are_rows_too: Whether the columns are training examples, rows of the whole kernel.
    """

    rows: slice
    columns: slice
    corner: bool
    recompute: bool
    columns_are_rows_too: bool = False

    @property
    def places(self) -> list[int]:
        """The examples of the walk, rows first."""
        return [*range(self.rows.start, self.rows.stop), *range(self.columns.start, self.columns.stop)]


def passes(
    model: PreTrainedModel,
    sites: Mapping[str, Site],
    sizes: Sequence[int],
    train: int,
    outputs: int,
    memory: int,
    recompute: bool | None,
) -> list[Pass]:
    """Lay a computation out.

    Args:
        model: The model.
        sites: The sites that are looked at.
        sizes: Tokens of each example, training examples first.
        train: Number of training examples.
        outputs: Number of outputs k.
        memory: Bytes that the examples of a pass may keep.
        recompute: Whether to recompute; None to do so where all examples' graphs do not fit.
    """
    lean = _lean_bytes(model, sites, outputs)
    kept = lean + _graph_bytes(model)
    again = sum(sizes) * kept > memory if recompute is None else recompute
    each = lean if again else kept
    if sum(sizes) * each <= memory:
        return [Pass(slice(0, train), slice(train, len(sizes)), True, again)]
    room = max(1, memory // (2 * each))  # two parts are in memory together
    rows = [slice(*span) for span in spans(sizes[:train], room)]
    rest = [slice(train + start, train + stop) for start, stop in spans(sizes[train:], room)]
    return list(_pairs(rows, rest, again))


def _pairs(rows: Sequence[slice], rest: Sequence[slice], recompute: bool) -> Iterator[Pass]:
    for place, part in enumerate(rows):
        later = [*rows[place + 1 :], *rest]
        for number, columns in enumerate(later):
            yield Pass(part, columns, number == 0, recompute, place + 1 + number < len(rows))
        if not later:
            yield Pass(part, slice(part.stop, part.stop), True, recompute)


def _lean_bytes(model: PreTrainedModel, sites: Mapping[str, Site], outputs: int) -> int:
    """Return the bytes per token of a recomputing pass: the blocks' inputs, and one stage's taps twice."""
    config = model.config
    taps: dict[int | None, int] = {}
    for site in sites.values():
        if site.kind == "linear":
            d_out, d_in = linear_weight(site).shape
            taps[site.block] = taps.get(site.block, 0) + (1 + outputs) * (d_in + d_out)
    blocks = (config.num_hidden_layers + outputs) * config.hidden_size
    # Taps are in float32 at least.
    return model.dtype.itemsize * blocks + max(4, model.dtype.itemsize) * 2 * max(taps.values(), default=0)


def _graph_bytes(model: PreTrainedModel) -> int:
    """Return about the bytes per token of a graph that is kept: what linear layers are given and return."""
    weights = [site.parameters["weight"] for site in tunable_layers(model).values()]
    return model.dtype.itemsize * sum(sum(weight.shape) for weight in weights)

"""What a cell will cost, from the laws that were measured: time and memory, each with an interval."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lintune.errors import CorruptFileError
from lintune.studies.cell_costs.law import Law, interval
from lintune.studies.cell_costs.sizes import Sizes
from lintune.studies.cell_costs.work import TERMS, Lengths, held, pieces
from lintune.studies.cells.effort import Effort

# What memory grows with, as `work.held` lists it.
MEMORY = ("processes", "model", "graphs", "trained", "stored")


@dataclass(frozen=True)
class Estimate:
    """A cost, with the ends of its 95 % interval.

    Attributes:
        seconds: Of the whole cell.
        seconds_low: Lower end.
        seconds_high: Upper end.
        bytes: Peak memory.
        bytes_high: Upper end, as if nothing that one moment frees were of use to the next.
        parts: Seconds by constituent.
        beyond: By which factor the cell exceeds what was measured, in the term that does so most; what is
            above 1 is extrapolated.
    """

    seconds: float
    seconds_low: float
    seconds_high: float
    bytes: float
    bytes_high: float
    parts: Mapping[str, float]
    beyond: float


@dataclass(frozen=True)
class Laws:
    """The laws of one device.

    Attributes:
        seconds: By constituent.
        memory: Of the peak.
        pace: By what times are multiplied, where they were measured on another machine or device.
    """

    seconds: Mapping[str, Law]
    memory: Law
    pace: float = 1.0

    @classmethod
    def read(cls, data: Mapping[str, Any], pace: float = 1.0) -> "Laws":
        """Return the laws in the data of a record that `benchmarks.cells` wrote.

        Raises:
            CorruptFileError: It holds other laws.
        """
        try:
            found = {name: Law.read(plain) for name, plain in data["laws"].items()}
            return cls({name: found[name] for name in TERMS}, found["memory"], pace)
        except (KeyError, TypeError) as error:
            raise CorruptFileError(f"the record holds no laws of the cost of a cell: {error!r}") from error

    def estimate(self, sizes: Sizes, lengths: Lengths, effort: Effort, model: str | None = None) -> Estimate:
        """Return what a cell will cost.

        Errors of the constituents are taken to go together, which makes the interval wide rather than narrow.

        Args:
            sizes: Model and method.
            lengths: Tokens of the examples.
            effort: How it is trained.
            model: Name of the model, if it may be among those that were measured.
        """
        parts = dict.fromkeys(TERMS, 0.0)
        low, high, beyond = 0.0, 0.0, 0.0
        for piece in pieces(sizes, lengths, effort):
            law = self.seconds[piece.constituent]
            cost = self.pace * piece.times * law.cost(piece.terms, sizes.kind)
            reach = interval(law.error(sizes.kind, model))
            parts[piece.constituent] += cost
            low, high = low + cost / reach, high + cost * reach
            beyond = max(beyond, law.beyond(piece.terms) if cost else 0.0)
        moments = held(sizes, lengths, effort)
        peak = max(self.memory.cost(terms) for terms in moments)
        together = self.memory.cost([max(term) for term in zip(*moments, strict=True)])
        beyond = max(beyond, *(self.memory.beyond(terms) for terms in moments))
        return Estimate(
            sum(parts.values()),
            low,
            high,
            peak,
            together * interval(self.memory.error(None, model)),
            parts,
            math.inf if math.isnan(beyond) else beyond,
        )

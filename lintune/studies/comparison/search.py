"""A search over the learning rate with as many trials for every method: coarse rates, then finer ones."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Searched:
    """What a search tried and found.

    Attributes:
        trials: Every rate that was tried with its loss, in the order of trial; infinite where training
            diverged.
    """

    trials: tuple[tuple[float, float], ...]

    @property
    def rate(self) -> float | None:
        """The rate of least loss, the smallest of several; None where training diverged at every rate."""
        loss, rate = min((loss, rate) for rate, loss in self.trials)
        return rate if math.isfinite(loss) else None

    @property
    def at_edge(self) -> bool:
        """Whether that is the smallest or the largest rate that was tried: one beyond might be better."""
        rates = [rate for rate, _ in self.trials]
        return self.rate in (min(rates), max(rates))


def search(loss_at: Callable[[float], float], rates: Sequence[float], finer: float) -> Searched:
    """Try coarse rates, then one on either side of the best of them.

    Args:
        loss_at: Trains with a rate and returns the loss to choose by; infinite where training diverged,
            and not-a-number counts as such.
        rates: The coarse rates.
        finer: The finer rates are the best coarse one divided by this and times this.
    """

    def tried(rate: float) -> tuple[float, float]:
        loss = loss_at(rate)
        return rate, loss if not math.isnan(loss) else math.inf

    coarse = [tried(rate) for rate in rates]
    _, best = min((loss, rate) for rate, loss in coarse)
    return Searched((*coarse, tried(best / finer), tried(best * finer)))

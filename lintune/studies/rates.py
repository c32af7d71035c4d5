"""Searches over the learning rate: with equal trials for all, or until a rate has worse ones beside it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from lintune.errors import InputError


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


def check(rates: Sequence[float], finer: float) -> None:
    """Refuse rates and a factor that `search` cannot go by.

    Raises:
        InputError: There is no rate, one is not positive, finite and above the last, or the factor is not
            above 1.
    """
    given = list(rates)
    if not given or given != sorted(set(given)) or not (given[0] > 0 and math.isfinite(given[-1])):
        raise InputError(f"rates={given} must be positive, finite, ascending and at least one.")
    if not (math.isfinite(finer) and finer > 1):
        raise InputError(f"finer={finer} must be above 1 and finite.")


def search(loss_at: Callable[[float], float], rates: Sequence[float], finer: float) -> Searched:
    """Try coarse rates, then one on either side of the best of them.

    Args:
        loss_at: Trains with a rate and returns the loss to choose by; infinite where training diverged,
            and not-a-number counts as such.
        rates: The coarse rates.
        finer: The finer rates are the best coarse one divided by this and times this.
    """
    coarse = [(rate, _tried(loss_at, rate)) for rate in rates]
    _, best = min((loss, rate) for rate, loss in coarse)
    return Searched((*coarse, *((rate, _tried(loss_at, rate)) for rate in (best / finer, best * finer))))


def climb(loss_at: Callable[[float], float], start: float, factor: float, most: int) -> Searched:
    """Try a rate and its neighbours, then go on in the direction in which the loss falls.

    Args:
        loss_at: Trains with a rate and returns the loss to choose by; infinite or NaN where it diverged.
        start: The first rate.
        factor: From one rate to its neighbour.
        most: Most trials; at least 3, which are always made.
    """
    found = {power: _tried(loss_at, start * factor**power) for power in (0, -1, 1)}
    while len(found) < most:
        best = min(found, key=lambda power: (found[power], power))
        beyond = [power for power in (best - 1, best + 1) if power not in found]
        if not beyond:
            break
        found[beyond[0]] = _tried(loss_at, start * factor ** beyond[0])
    return Searched(tuple((start * factor**power, loss) for power, loss in found.items()))


def _tried(loss_at: Callable[[float], float], rate: float) -> float:
    loss = loss_at(rate)
    return math.inf if math.isnan(loss) else loss

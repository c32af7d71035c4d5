"""A search over the learning rate that goes on until a rate has worse ones on both sides."""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Climbed:
    """What a search tried and found.

    Attributes:
        losses: Loss by rate, in the order of trial; infinite where training diverged.
    """

    losses: dict[float, float]

    @property
    def rate(self) -> float | None:
        """The rate of least loss, the smallest of several; None where training diverged at every rate."""
        loss, rate = min((loss, rate) for rate, loss in self.losses.items())
        return rate if math.isfinite(loss) else None

    @property
    def at_edge(self) -> bool:
        """Whether that is the smallest or the largest rate that was tried."""
        return self.rate in (min(self.losses), max(self.losses))


def climb(loss_at: Callable[[float], float], start: float, factor: float, most: int) -> Climbed:
    """Try a rate and its neighbours, then go on in the direction in which the loss falls.

    Args:
        loss_at: Trains with a rate and returns the loss to choose by; infinite or NaN where it diverged.
        start: The first rate.
        factor: From one rate to its neighbour.
        most: Most trials; at least 3, which are always made.
    """

    def tried(power: int) -> float:
        loss = loss_at(start * factor**power)
        return math.inf if math.isnan(loss) else loss

    found = {power: tried(power) for power in (0, -1, 1)}
    while len(found) < most:
        best = min(found, key=lambda power: (found[power], power))
        beyond = [power for power in (best - 1, best + 1) if power not in found]
        if not beyond:
            break
        found[beyond[0]] = tried(beyond[0])
    return Climbed({start * factor**power: loss for power, loss in found.items()})

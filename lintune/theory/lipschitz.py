"""How steep a function is around its start: in its input, and in its parameters.

The first is Algorithm 1 of Rahimi Afzal et al. (2025) as far as it is known to us: models are drawn at
random at a distance r from the pretrained one, and the largest slope over pairs of examples is taken of
each. The second is what bounds on drift and on the distance from the linear twin need: ||J|| and
||J - J_0|| / r.

What a random model shows is a lower bound on what the ball holds, and may be far below what training meets.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

import pandas as pd
import torch

from lintune.descent import Vector, norm
from lintune.errors import InputError
from lintune.linearized.features import gram
from lintune.methods.attached import Prepared


def random_direction(start: Mapping[str, torch.Tensor], seed: int) -> Vector:
    """Return v / ||v|| with v standard normal, tensors like `start`; the same on every device."""
    draw = torch.Generator().manual_seed(seed)
    # In float32 everywhere, so that a seed means the same direction for all dtypes.
    drawn = {name: torch.randn(value.shape, generator=draw).to(value) for name, value in start.items()}
    return unit(drawn)


def unit(vector: Vector) -> Vector:
    """Return a vector over its length.

    Raises:
        InputError: Its length is zero or not finite.
    """
    length = norm(vector)
    if not (math.isfinite(length) and length > 0):
        raise InputError(f"direction of length {length} has no unit vector; it must be positive and finite.")
    return {name: part / length for name, part in vector.items()}


def moved(start: Mapping[str, torch.Tensor], direction: Vector, radius: float) -> Vector:
    """Return start + radius * direction."""
    return {name: value + radius * direction[name] for name, value in start.items()}


def steepest(inputs: torch.Tensor, outputs: torch.Tensor) -> float:
    """Return the largest ||f(x) - f(x')|| / ||x - x'|| over all pairs of examples.

    Args:
        inputs: x, `(n, d)`; pairs at distance 0 do not count.
        outputs: f(x), `(n, k)`.

    Raises:
        InputError: There is no pair of different inputs.
    """
    # Differences pair by pair: distances by inner products would lose near pairs to rounding.
    across, along = torch.pdist(outputs.double().cpu()), torch.pdist(inputs.double().cpu())
    apart = along > 0
    if not apart.any():
        raise InputError(f"inputs={tuple(inputs.shape)}: there must be two examples at least that differ.")
    return float((across[apart] / along[apart]).max())


def readout_states(prepared: Prepared) -> torch.Tensor:
    """Return the hidden state that enters the lowest tuned block where each prompt is read, `(n, d)`.

    A text has no metric of its own. This one is ours: the row of the last token (or of the mask). The
    output depends on the rows of the other tokens, too, so slopes in it are of pairs of texts, and no
    derivatives.

    Raises:
        InputError: No block under the tuned parameters is frozen, so that there are no states.
    """
    if not prepared.states:
        raise InputError("prepared has no states: the first block, or what comes before it, is tuned.")
    pairs = zip(prepared.states, prepared.prompts, strict=True)
    return torch.stack([state[prompt.readout] for state, prompt in pairs])


def local_lipschitz(
    function: Callable[[Vector], torch.Tensor],
    inputs: torch.Tensor,
    start: Mapping[str, torch.Tensor],
    radii: Sequence[float],
    models: int,
    seed: int = 0,
) -> pd.DataFrame:
    """Estimate local Lipschitz constants in balls around the start (Rahimi Afzal et al., 2025, Algorithm 1).

    At each radius r, `models` models theta = theta_0 + r v / ||v|| are drawn, v standard normal; of each
    the largest slope over pairs of examples is taken.

    Args:
        function: The outputs `(n, k)` at a point theta.
        inputs: Coordinates `(n, d)` of the examples, in which their distance is measured.
        start: theta_0.
        radii: R radii, ascending, at least 0; at 0 there is one model.
        models: Models drawn at each radius, at least 1.
        seed: Seed; every model has its own draw.

    Returns:
        A row per radius: `radius`; `average`, the mean over its models; `least` and `largest` of them; and
        `upper`, the largest over all models drawn up to this radius, that is, within the ball.

    Raises:
        InputError: The radii are not ascending, or there are no models.
    """
    _check_radii(radii, smallest=0.0)
    if models < 1:
        raise InputError(f"models={models} must be at least 1.")
    seeds = _seeds(seed)
    rows, upper = [], 0.0
    for radius in radii:
        slopes = []
        for _ in range(models if radius else 1):
            theta = moved(start, random_direction(start, next(seeds)), radius)
            with torch.no_grad():
                slopes.append(steepest(inputs, function(theta)))
        upper = max(upper, *slopes)
        average = sum(slopes) / len(slopes)
        rows.append((radius, average, min(slopes), max(slopes), upper))
    return pd.DataFrame(rows, columns=["radius", "average", "least", "largest", "upper"])


def bending(
    jacobian: Callable[[Vector], Vector],
    start: Mapping[str, torch.Tensor],
    directions: Mapping[str, Vector],
    radii: Sequence[float],
) -> pd.DataFrame:
    """Measure slope and curvature along directions of parameter space.

    Args:
        jacobian: The derivatives of the outputs at a point theta, by parameter `(n, k, *shape)`.
        start: theta_0.
        directions: Directions by name, of any length.
        radii: Distances from theta_0, ascending, positive.

    Returns:
        A row per direction and radius: `direction`, `radius`, `slope` ||J||, and `curvature`
        ||J - J_0|| / r, both in the spectral norm. The first row is the start: an empty name, radius 0, its
        slope, and curvature 0, for there is nothing to divide by.

    Raises:
        InputError: The radii are not ascending and positive.
    """
    _check_radii(radii)
    there = jacobian(dict(start))
    rows: list[tuple[str, float, float, float]] = [("", 0.0, spectral_norm(there), 0.0)]
    for name, direction in directions.items():
        along = unit(direction)
        for radius in radii:
            here = jacobian(moved(start, along, radius))
            slope = spectral_norm(here)
            for part, value in there.items():
                here[part] -= value
            rows.append((name, radius, slope, spectral_norm(here) / radius))
    return pd.DataFrame(rows, columns=["direction", "radius", "slope", "curvature"])


def spectral_norm(jacobian: Vector) -> float:
    """Return the largest singular value of derivatives, by parameter `(n, k, *shape)`, as one matrix."""
    kernel = gram(jacobian)
    size = kernel.shape[0] * kernel.shape[1]
    return float(torch.linalg.eigvalsh(kernel.reshape(size, size))[-1].clamp(min=0).sqrt())


def _seeds(seed: int) -> Iterator[int]:
    """Yield seeds that are different for every draw, and independent of how many are taken."""
    draw = torch.Generator().manual_seed(seed)
    while True:
        yield int(torch.randint(2**62, (), generator=draw))


def _check_radii(radii: Sequence[float], smallest: float | None = None) -> None:
    values = list(radii)
    ascending = all(left < right for left, right in zip(values[:-1], values[1:], strict=True))
    if not values or not ascending or not all(math.isfinite(value) for value in values):
        raise InputError(f"radii={values} must be finite and ascending, at least one.")
    if (smallest is None and values[0] <= 0) or (smallest is not None and values[0] < smallest):
        wanted = "positive" if smallest is None else f"at least {smallest:g}"
        raise InputError(f"radii={values} must be {wanted}.")

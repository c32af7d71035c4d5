"""What the network does along a displacement of its parameters: how much of it is not linear."""

from collections.abc import Mapping

import torch
from torch.func import jvp
from torch.nn.attention import SDPBackend, sdpa_kernel

from lintune.descent import Vector, difference
from lintune.errors import InputError
from lintune.linearized import TangentModel
from lintune.methods.attached import Attached, Prepared
from lintune.prompted.batches import spans

# Tokens of one forward-mode pass.
_TOKENS = 2048
# Part of the displacement by which the two points of the central difference lie before and after the start.
_PART = 0.01


def nonlinear_share(attached: Attached, prepared: Prepared, values: Mapping[str, torch.Tensor]) -> float:
    """Return ||f(theta) - f0 - J_0 Delta|| / ||f(theta) - f0||, Delta being theta - theta_0.

    It takes forward passes at both ends and a forward-mode pass at the start.

    Args:
        attached: The function; its start is theta_0.
        prepared: The n examples whose outputs count; no labels are used.
        values: theta, tensors as `attached.start`.

    Returns:
        The share; 0 where the outputs have not moved at all.

    Raises:
        InputError: The values are not those that the method trains, or the model has no forward-mode
            derivative.
        CorruptFileError: The outputs at theta are not finite.
    """
    # Both ends by the same kernels: those of forward mode round otherwise, which tells in short ways.
    ended, started = (attached.outputs_on(each, prepared).double() for each in (values, attached.start))
    _, linear = TangentModel(attached, prepared).pushed(difference(dict(values), attached.start))
    return over(ended - started - linear.double(), ended - started)


def bend(attached: Attached, prepared: Prepared, away: Vector) -> float:
    """Return ||1/2 d^2/dt^2 f(theta_0 + t Delta)|| / ||J_0 Delta|| at t = 0.

    The second derivative is the central difference of J(theta_0 + t Delta) Delta over t = -0.01 and 0.01:
    two forward-mode passes. Differences of first derivatives lose far fewer digits than second differences
    of f, and common activations have no second forward-mode derivative.

    Args:
        attached: The function; its start is theta_0.
        prepared: The n examples whose outputs count.
        away: Delta, tensors as `attached.start`.

    Returns:
        The ratio; 0 where the outputs do not move to first order.
    """
    before, after = (slope(attached, prepared, away, part) for part in (-_PART, _PART))
    return over((after - before) / (4 * _PART), (after + before) / 2)


def slope(attached: Attached, prepared: Prepared, away: Vector, part: float) -> torch.Tensor:
    """Return J(theta_0 + part Delta) Delta, `(n, C - 1)` float64, by forward mode.

    Raises:
        InputError: The displacement lacks a parameter.
    """
    if away.keys() != attached.start.keys():
        wrong = sorted(away.keys() ^ attached.start.keys())
        raise InputError(f"away must be like the start; missing or unknown: {wrong[:3]}.")
    point = {name: value + part * away[name] for name, value in attached.start.items()}
    sizes, found = [len(prompt.ids) for prompt in prepared.prompts], []
    # The fused attention kernels have no forward-mode derivative; the plain one has.
    with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        for span in spans(sizes, _TOKENS):
            rows = range(*span)
            pushed = jvp(
                lambda values, rows=rows: attached.outputs(values, prepared, rows), (point,), (away,)
            )
            found.append(pushed[1].double())
    return torch.cat(found)


def over(part: torch.Tensor, whole: torch.Tensor) -> float:
    """Return ||part|| / ||whole||; 0 where the whole is 0."""
    length = float(whole.norm())
    return float(part.norm()) / length if length else 0.0

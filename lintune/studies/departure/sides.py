"""On which side a run is: described by its linear twin, or beyond it. The twin itself is not needed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import torch

from lintune.errors import CorruptFileError, InputError
from lintune.methods.attached import Attached, Prepared
from lintune.studies.departure.along import nonlinear_share

THRESHOLD = 0.1
LINEAR: Literal["linear"] = "linear"
BEYOND: Literal["beyond"] = "beyond"


@dataclass(frozen=True)
class Side:
    """A verdict on a run.

    Attributes:
        side: `linear` or `beyond`.
        share: The share of the change of the outputs that is not linear at the point where the run ended;
            infinite where the outputs are not finite.
        threshold: Above which share a run is beyond.
        forward_mode_passes: What it took, beside two forward passes.
    """

    side: Literal["linear", "beyond"]
    share: float
    threshold: float
    forward_mode_passes: int = 1


def side(
    attached: Attached,
    prepared: Prepared,
    values: Mapping[str, torch.Tensor],
    threshold: float = THRESHOLD,
) -> Side:
    """Say from its start and its end alone on which side a run is.

    It takes two forward passes and one forward-mode pass over the examples: no twin, no kernel, no labels.
    The number is that of `nonlinear_share`, which bounds nothing of the distance from the twin by itself:
    how often the verdict is that of the twin has to be measured, and the chapter does.

    Args:
        attached: The function at the start of the run.
        prepared: Examples on whose outputs to judge; best ones that the run has not seen.
        values: The trained parameters at its end, such as `Trajectory.values`.
        threshold: The largest share that counts as linear, positive.

    Raises:
        InputError: The threshold is not positive, the values are not those that the method trains, or the
            model has no forward-mode derivative.
    """
    if not threshold > 0:
        raise InputError(f"threshold={threshold} must be positive.")
    try:
        share = nonlinear_share(attached, prepared, values)
    except CorruptFileError:  # outputs that overflow are refused as a corrupt file's would be
        share = math.inf
    return Side(LINEAR if share <= threshold else BEYOND, share, threshold)  # not-a-number is beyond

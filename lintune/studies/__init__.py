"""What chapters measure, as functions that a test reaches and a reader can call on other data."""

from lintune.studies.few_shot import beats_baselines, few_shot_accuracies
from lintune.studies.portrait import portrait
from lintune.studies.proximal import (
    Held,
    Proximal,
    conditioning,
    mode_curves,
    predicted,
    proximal,
    trained,
    trained_linear,
)
from lintune.studies.zoo import autograd_kernel, likeness, rounding, seconds_for, zoo

__all__ = [
    "Held",
    "Proximal",
    "autograd_kernel",
    "beats_baselines",
    "conditioning",
    "few_shot_accuracies",
    "likeness",
    "mode_curves",
    "portrait",
    "predicted",
    "proximal",
    "rounding",
    "seconds_for",
    "trained",
    "trained_linear",
    "zoo",
]

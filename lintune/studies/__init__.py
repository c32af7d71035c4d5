"""What chapters measure, as functions that a test reaches and a reader can call on other data.

A study of several functions is a module or a folder of its own, such as `behaviour`, `comparison`,
`departure` or `student_teacher`.
"""

from lintune.studies.few_shot import beats_baselines, few_shot_accuracies
from lintune.studies.portrait import portrait
from lintune.studies.zoo import autograd_kernel, likeness, rounding, seconds_for, zoo

__all__ = [
    "autograd_kernel",
    "beats_baselines",
    "few_shot_accuracies",
    "likeness",
    "portrait",
    "rounding",
    "seconds_for",
    "zoo",
]

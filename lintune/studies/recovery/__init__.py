"""What it costs a student to recover its teacher's change: sweeps, exponents, and what needs no descent."""

from lintune.studies.recovery.draws import Draws, draws
from lintune.studies.recovery.exponents import Exponent, exponent, linear_in_d, tuned
from lintune.studies.recovery.hiding import from_scratch, hidden, single_index, tuning
from lintune.studies.recovery.inside import anywhere, ends, inside_paths, landscape, one_row, second_optimum
from lintune.studies.recovery.readable import features_left, first_moment, predicted_moment
from lintune.studies.recovery.study import Plan, against_dimension, against_width, against_xi, joint_paths
from lintune.studies.recovery.sweep import Setting, above, sweep

__all__ = [
    "Draws",
    "Exponent",
    "Plan",
    "Setting",
    "above",
    "against_dimension",
    "against_width",
    "against_xi",
    "anywhere",
    "draws",
    "ends",
    "exponent",
    "features_left",
    "first_moment",
    "from_scratch",
    "hidden",
    "inside_paths",
    "joint_paths",
    "landscape",
    "linear_in_d",
    "one_row",
    "predicted_moment",
    "second_optimum",
    "single_index",
    "sweep",
    "tuned",
    "tuning",
]

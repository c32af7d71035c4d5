"""Where real fine-tuning leaves its linear twin along a dial, and what announces it."""

from lintune.studies.departure.accuracy import accuracies, best_threshold
from lintune.studies.departure.along import bend, nonlinear_share
from lintune.studies.departure.foretelling import DIALS, foretold, lead, verdict
from lintune.studies.departure.horizons import AT_END, GROUPS, beyond, horizons
from lintune.studies.departure.run import Checkpoints
from lintune.studies.departure.sides import BEYOND, LINEAR, THRESHOLD, Side, side
from lintune.studies.departure.study import EARLY, Dial, departures, short_texts

__all__ = [
    "AT_END",
    "BEYOND",
    "DIALS",
    "EARLY",
    "GROUPS",
    "LINEAR",
    "THRESHOLD",
    "Checkpoints",
    "Dial",
    "Side",
    "accuracies",
    "bend",
    "best_threshold",
    "beyond",
    "departures",
    "foretold",
    "horizons",
    "lead",
    "nonlinear_share",
    "short_texts",
    "side",
    "verdict",
]

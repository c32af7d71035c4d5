"""Is the advisor right? What it says of every candidate of a sweep, held against what the sweep finds."""

from lintune.studies.advice.aims import aims
from lintune.studies.advice.closeness import closeness
from lintune.studies.advice.correlations import combinations, correlations
from lintune.studies.advice.endings import FIRST, TUNED_DEFAULT, ending_table, endings
from lintune.studies.advice.joined import AT_RATE, CHOICE_TASKS, COMBINATION, OUTCOMES, joined, reordered
from lintune.studies.advice.live import handful, margins, tried
from lintune.studies.advice.overview import overview
from lintune.studies.advice.rates import curves, rates
from lintune.studies.advice.reasons import reasons
from lintune.studies.advice.regrets import DEFAULT, HINDSIGHT, RANDOM, SWEEP, costs, gains, regrets
from lintune.studies.advice.room import room
from lintune.studies.advice.study import advices, together
from lintune.studies.advice.trusted import probes, tie_spreads, warning
from lintune.studies.advice.words import compared, span

__all__ = [
    "AT_RATE",
    "CHOICE_TASKS",
    "COMBINATION",
    "DEFAULT",
    "FIRST",
    "HINDSIGHT",
    "OUTCOMES",
    "RANDOM",
    "SWEEP",
    "TUNED_DEFAULT",
    "advices",
    "aims",
    "closeness",
    "compared",
    "combinations",
    "correlations",
    "costs",
    "curves",
    "ending_table",
    "endings",
    "gains",
    "handful",
    "joined",
    "margins",
    "overview",
    "probes",
    "rates",
    "reasons",
    "regrets",
    "reordered",
    "room",
    "span",
    "tie_spreads",
    "together",
    "tried",
    "warning",
]

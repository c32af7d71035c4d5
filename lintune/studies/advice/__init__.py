"""Is the advisor right? What it says of every candidate of a sweep, held against what the sweep finds."""

from lintune.studies.advice.correlations import combinations, correlations
from lintune.studies.advice.joined import AT_RATE, CHOICE_TASKS, COMBINATION, OUTCOMES, joined
from lintune.studies.advice.rates import curves, rates
from lintune.studies.advice.regrets import DEFAULT, HINDSIGHT, RANDOM, SWEEP, costs, gains, regrets
from lintune.studies.advice.study import advices, together

__all__ = [
    "AT_RATE",
    "CHOICE_TASKS",
    "COMBINATION",
    "DEFAULT",
    "HINDSIGHT",
    "OUTCOMES",
    "RANDOM",
    "SWEEP",
    "advices",
    "combinations",
    "correlations",
    "costs",
    "curves",
    "gains",
    "joined",
    "rates",
    "regrets",
    "together",
]

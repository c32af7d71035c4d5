"""A fair comparison of methods: the same layers, the same examples, as many trials for each."""

from lintune.studies.comparison.compared import BASE, compared
from lintune.studies.comparison.costs import peak_bytes, seconds_per_step
from lintune.studies.comparison.foretold import foretold
from lintune.studies.comparison.plan import Plan
from lintune.studies.comparison.search import Searched, search
from lintune.studies.comparison.study import comparison

__all__ = [
    "BASE",
    "Plan",
    "Searched",
    "compared",
    "comparison",
    "foretold",
    "peak_bytes",
    "search",
    "seconds_per_step",
]

"""A fair comparison of methods: the same layers, the same examples, as many trials for each."""

from lintune.studies.comparison.claims import CLAIMS, Claim, claims, order
from lintune.studies.comparison.compared import BASE, FAMILIES, compared, family
from lintune.studies.comparison.costs import peak_bytes, seconds_per_step
from lintune.studies.comparison.differences import BETTER, NO_DIFFERENCE, WORSE, against
from lintune.studies.comparison.foretelling import FORETELLERS, correlations, pairs
from lintune.studies.comparison.foretold import foretold
from lintune.studies.comparison.inclusions import Inclusion, inclusions, stated
from lintune.studies.comparison.metric import bound, directions, mean_factor
from lintune.studies.comparison.picture import Picture, between_families, means, picture
from lintune.studies.comparison.plan import Plan
from lintune.studies.comparison.study import comparison
from lintune.studies.comparison.summary import table

__all__ = [
    "BASE",
    "BETTER",
    "CLAIMS",
    "FAMILIES",
    "FORETELLERS",
    "NO_DIFFERENCE",
    "WORSE",
    "Claim",
    "Inclusion",
    "Picture",
    "Plan",
    "against",
    "between_families",
    "bound",
    "claims",
    "compared",
    "comparison",
    "correlations",
    "directions",
    "family",
    "foretold",
    "inclusions",
    "mean_factor",
    "means",
    "order",
    "pairs",
    "peak_bytes",
    "picture",
    "seconds_per_step",
    "stated",
    "table",
]

"""The decomposition view of fine-tuning methods (Si et al., 2024): its forms, put to the test."""

from lintune.studies.decomposition.change import Change, real_changes
from lintune.studies.decomposition.constrained import orthogonality, rate, run, summary, variants, verdict
from lintune.studies.decomposition.directions import capture, directions, forms, spectra
from lintune.studies.decomposition.equality import as_lora, as_trilora, best_scale
from lintune.studies.decomposition.late import LateParameter, trained
from lintune.studies.decomposition.matching import apart, descend, order, order_in_words, race, ranking
from lintune.studies.decomposition.matching import summary as matched
from lintune.studies.decomposition.printed import averages, orderings
from lintune.studies.decomposition.reconstruction import reconstructions

__all__ = [
    "Change",
    "LateParameter",
    "apart",
    "as_lora",
    "as_trilora",
    "averages",
    "best_scale",
    "capture",
    "descend",
    "directions",
    "forms",
    "matched",
    "order",
    "order_in_words",
    "orderings",
    "orthogonality",
    "race",
    "ranking",
    "rate",
    "real_changes",
    "reconstructions",
    "run",
    "spectra",
    "summary",
    "trained",
    "variants",
    "verdict",
]

"""What chapters measure, as functions that a test reaches and a reader can call on other data."""

from lintune.studies.few_shot import beats_baselines, few_shot_accuracies
from lintune.studies.portrait import portrait

__all__ = ["beats_baselines", "few_shot_accuracies", "portrait"]

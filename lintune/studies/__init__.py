"""What chapters measure, as functions that a test can reach and a reader can call on other models and tasks."""

from lintune.studies.few_shot import few_shot_accuracies
from lintune.studies.portrait import portrait

__all__ = ["few_shot_accuracies", "portrait"]

"""From texts to the logits of classes: prompts or a fresh head, and packing without padding."""

from lintune.prompted.batches import Batch, Encoded
from lintune.prompted.classifier import Classifier
from lintune.prompted.contrasts import contrasts
from lintune.prompted.headed import HeadedModel, probed
from lintune.prompted.model import PromptedModel

__all__ = ["Batch", "Classifier", "Encoded", "HeadedModel", "PromptedModel", "contrasts", "probed"]

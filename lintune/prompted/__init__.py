"""From texts to label-word logits: prompts, packing without padding, causal and masked models."""

from lintune.prompted.batches import Batch, Encoded
from lintune.prompted.contrasts import contrasts
from lintune.prompted.model import PromptedModel

__all__ = ["Batch", "Encoded", "PromptedModel", "contrasts"]

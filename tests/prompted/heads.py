"""Tiny models with a head: every architecture of `tests.tiny`, and an encoder with a pooler."""

from functools import cache

import torch
import transformers

from lintune.models import Pretrained
from lintune.prompted import HeadedModel
from lintune.tasks import Examples
from tests.tiny import ARCHITECTURES, pretrained

NAMES = [*ARCHITECTURES, "encoder"]
PADDED = {"gemma2-softcap", "bloom-alibi", "falcon-in-place"}
WIDTH = 16
TEXTS = (
    "a good film",
    "the plot was very long and not funny",
    "dull",
    "one great story of two bright actor",
    "sad music",
)
TRAIN = Examples.from_columns({"text": TEXTS}, [1, 0, 2, 1, 0])
TEST = Examples.from_columns({"text": ["very good music", "a bad plot", "not funny"]}, [1, 0, 2])


@cache
def tiny(name: str, dtype: torch.dtype = torch.float64) -> Pretrained:
    """Return a tiny random model; the same weights at every call."""
    if name != "encoder":
        return pretrained(name, dtype)
    masked = pretrained("bert", dtype)
    with torch.random.fork_rng():
        torch.manual_seed(1)
        model = transformers.AutoModel.from_config(masked.model.config)
        for parameter in model.parameters():
            parameter.data.add_(0.3 * torch.randn_like(parameter))
    model = model.to(dtype).eval().requires_grad_(False)
    return Pretrained("tiny-encoder", "encoder", model, masked.tokenizer, "", "random")


def head(classes: int = 3, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a random weight `(C, d)` and bias `(C,)`."""
    draw = torch.Generator().manual_seed(seed)
    weight = torch.randn(classes, WIDTH, generator=draw, dtype=torch.float64)
    return weight, torch.randn(classes, generator=draw, dtype=torch.float64)


def headed(name: str, longest: int = 32, classes: int = 3) -> HeadedModel:
    """Return a model with a random head that reads the field `text`."""
    return HeadedModel(tiny(name), *head(classes), fields=("text",), longest=longest)

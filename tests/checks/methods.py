"""Methods of a size that tiny models bear, and the functions they are checked on."""

from dataclasses import fields
from typing import Any

from lintune.methods import IA3, METHODS, Method
from tests.kernels.test_engine import TEXTS, examples, function

ARCHITECTURES = ("llama", "gpt2-conv1d", "opt", "bert", "qwen3-qk-norm", "roberta")
FEW = examples(TEXTS[:3])

__all__ = ["ARCHITECTURES", "FEW", "function", "small"]


def small(name: str, **options: Any) -> Method:
    """Return a registered method with few parameters on every layer, or with options given instead."""
    made: Any = METHODS[name]
    if made is IA3:  # inputs of the second block, outputs of the first
        return made(**{"targets": ("*",), "feedforward": ("*.1.*",)} | options)
    sizes = {"rank": 2, "count": 2, "targets": None}
    return made(**{each.name: sizes[each.name] for each in fields(made) if each.name in sizes} | options)

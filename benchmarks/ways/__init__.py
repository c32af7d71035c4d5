"""The ways to compute a kernel, by name.

Each way is a module with a function `prepare(setting, inputs, **options)` that returns the call to be timed.
The call returns the kernel, or its first rows where the whole would take too long; the time is then scaled
by the rows that lack.
"""

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import torch

from benchmarks.inputs import Inputs
from benchmarks.settings import Setting
from lintune.errors import unknown_name

Call = Callable[[], torch.Tensor]
Options = Mapping[str, Any]
_NONE: Options = MappingProxyType({})


@dataclass(frozen=True)
class Way:
    """A way to compute a kernel.

    Attributes:
        module: Name of its module in this package.
        variants: Options to try; the fastest counts. Chunks that no full batch fills are left out.
    """

    module: str
    variants: tuple[Options, ...] = (_NONE,)

    def variants_for(self, texts: int) -> list[Options]:
        """Return the variants that make sense for n texts, at least one."""
        fitting = [options for options in self.variants if options.get("chunk", 1) <= texts]
        return fitting or [{**self.variants[0], "chunk": texts}]

    def prepare(self, setting: Setting, inputs: Inputs, options: Options) -> Call:
        """Set everything up and return the call to be timed."""
        module = importlib.import_module(f"benchmarks.ways.{self.module}")
        call: Call = module.prepare(setting, inputs, **options)
        return call


def _chunked(*sizes: int) -> tuple[Options, ...]:
    return tuple({"chunk": size} for size in sizes)


WAYS = {
    "lintune": Way("own"),
    "lintune_low_memory": Way("own", ({"recompute": True},)),
    "lintune_all": Way("own_all"),
    "bare": Way("bare"),
    "loop": Way("loop"),
    "loop_padded": Way("loop", ({"padded": True},)),
    "vmap": Way("vmap", _chunked(1, 4, 8, 16, 32)),
    "backpack": Way("backpack", _chunked(8, 32)),
    "opacus": Way("opacus", _chunked(8, 32)),
    "kronfluence": Way("kronfluence", _chunked(8, 32)),
    "lm_kernel_ft": Way("lm_kernel_ft", ({"rows": 1}, {"rows": 8})),
    "curvlinops": Way("curvlinops", ({"columns": 1}, {"columns": 8})),
    "trak": Way("trak"),
}


def named(name: str) -> Way:
    """Return a way by its name.

    Raises:
        InputError: There is no such way.
    """
    if name not in WAYS:
        raise unknown_name("way", name, WAYS)
    return WAYS[name]

"""The scheme of LM-Kernel-FT (Malladi et al., 2023): reverse mode for one text, then forward mode for all.

For each text of the outer loop its gradient is computed, and then the derivative of every text's output
along it, which is a row of the kernel; no gradients are stored. The original is tied to libraries of 2021,
so its scheme is written down here with today's. At its best: the inner texts share one tangent, so a whole
chunk of them is one forward-mode pass; sorted by length; the attention that has a forward mode. Some rows
are computed; all rows cost the same.
"""

import torch
from torch.func import functional_call, jacrev, jvp
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.inputs import Inputs
from benchmarks.settings import Setting, tune
from benchmarks.ways import Call

_ROWS = 2
_CHUNK = 8


def prepare(setting: Setting, inputs: Inputs) -> Call:
    """Set the outer rows and the inner chunks up."""
    tuned = tune(setting, inputs)
    weights = {name: weight.detach() for name, weight in tuned.parameters.items()}
    outer = [inputs.chunk([place]) for place in range(min(_ROWS, len(inputs)))]
    inner = inputs.chunks(_CHUNK)

    def output(given: dict[str, torch.Tensor], ids: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        return functional_call(tuned.function, given, (ids, last))

    def row(alone: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        gradient = {name: found[0] for name, found in jacrev(output)(weights, alone, last).items()}
        found = torch.zeros(len(inputs), device=inputs.device)
        for each in inner:
            along = jvp(lambda given, each=each: output(given, each.ids, each.last), (weights,), (gradient,))
            found[each.places] = along[1]
        return found

    def kernel() -> torch.Tensor:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            return torch.stack([row(alone.ids, alone.last) for alone in outer])

    return kernel

"""The scheme of LM-Kernel-FT (Malladi et al., 2023): reverse mode for one text, then forward mode for all.

For each text of the outer loop its gradient is computed, and then the derivative of every text's output
along it, which is a row of the kernel; no gradients are stored. The original is tied to libraries of 2021,
so its scheme is written down here with today's. At its best: a whole chunk of inner texts, sorted by length,
is one forward-mode pass; several rows at once share the pass without tangents (how many is tried out); the
attention that has a forward mode. Some rows are computed; all rows cost the same.
"""

import torch
from torch.func import functional_call, jacrev, jvp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.inputs import Chunk, Inputs
from benchmarks.settings import Setting, tune
from benchmarks.ways import Call

_CHUNK = 8


Weights = dict[str, torch.Tensor]


def prepare(setting: Setting, inputs: Inputs, rows: int) -> Call:
    """Set the outer rows and the inner chunks up."""
    tuned = tune(setting, inputs)
    weights = {name: weight.detach() for name, weight in tuned.parameters.items()}
    outer = [inputs.chunk([place]) for place in range(min(rows, len(inputs)))]
    inner = inputs.chunks(_CHUNK)

    def output(given: Weights, each: Chunk) -> torch.Tensor:
        return functional_call(tuned.function, given, (each.ids, each.last))

    def along(gradient: Weights, each: Chunk) -> torch.Tensor:
        return jvp(lambda given: output(given, each), (weights,), (gradient,))[1]

    def kernel() -> torch.Tensor:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            alone = [jacrev(output)(weights, each) for each in outer]
            gradients = {name: torch.cat([found[name] for found in alone]) for name in weights}
            found = torch.zeros(len(outer), len(inputs), device=inputs.device)
            for each in inner:
                found[:, each.places] = vmap(along, in_dims=(0, None))(gradients, each)
        return found

    return kernel

"""Opacus: per-sample gradients from hooks (`GradSampleModule`), stored, then inner products.

At its best: frozen weights are skipped, sentences are sorted by length and taken in chunks padded to their
own longest (the size is tried out). Training mode, since Opacus records nothing in evaluation mode; the
model has no dropout. Per-sample gradients are used as they are and multiplied chunk by chunk: no copies.
"""

import torch
from opacus import GradSampleModule

from benchmarks.inputs import Inputs
from benchmarks.jacobian import products
from benchmarks.measure import require_room
from benchmarks.settings import Setting, tune
from benchmarks.ways import Call

_PER_SAMPLE = "grad_sample"  # where Opacus leaves them, an attribute that torch's types do not know


def prepare(setting: Setting, inputs: Inputs, chunk: int) -> Call:
    """Wrap the model."""
    tuned = tune(setting, inputs)
    size = 4 * len(inputs) * tuned.size
    require_room(size, f"the per-sample gradients of {len(inputs)} texts", inputs.device)
    wrapped = GradSampleModule(tuned.function, loss_reduction="sum", strict=False).train()
    weights = [*tuned.parameters.values()]
    chunks = inputs.chunks(chunk)

    def gradients(ids: torch.Tensor, last: torch.Tensor) -> list[torch.Tensor]:
        wrapped(ids, last).sum().backward()
        found = [getattr(weight, _PER_SAMPLE).flatten(1) for weight in weights]
        for weight in weights:
            weight.grad = None
            setattr(weight, _PER_SAMPLE, None)
        return found

    def kernel() -> torch.Tensor:
        held = [gradients(each.ids, each.last) for each in chunks]
        found = torch.zeros(len(inputs), len(inputs), dtype=torch.float64, device=inputs.device)
        for row, left in zip(chunks, held, strict=True):
            for column, right in zip(chunks, held, strict=True):
                block = torch.stack([products(a, b) for a, b in zip(left, right, strict=True)])
                found[row.places[:, None], column.places] = block.sum(dim=0)
        return found

    return kernel

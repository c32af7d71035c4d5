"""curvlinops: the kernel as a product of its Jacobian operators, J (J^T v), never formed.

One column is computed, v being its unit vector; every v costs the same. At its best: data in chunks sorted
by length, no test for determinism, and the attention that has a forward mode.
"""

import torch
from curvlinops import JacobianLinearOperator
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.inputs import Inputs
from benchmarks.settings import Setting, tune
from benchmarks.ways import Call

_CHUNK = 8


def prepare(setting: Setting, inputs: Inputs) -> Call:
    """Set the operators up."""
    tuned = tune(setting, inputs)
    chunks = inputs.chunks(_CHUNK)
    places = torch.cat([each.places for each in chunks])
    data = [({"ids": each.ids, "last": each.last}, each.ids) for each in chunks]
    jacobian = JacobianLinearOperator(
        _OfOne(tuned.function),
        [*tuned.parameters.values()],
        data,
        check_deterministic=False,
        num_data=len(inputs),
        batch_size_fn=lambda given: len(given["ids"]),
    )
    transposed = jacobian.adjoint()
    unit = (places == 0).float()

    def column() -> torch.Tensor:
        found = torch.zeros(1, len(inputs), device=inputs.device)
        with sdpa_kernel(SDPBackend.MATH):
            found[0, places] = jacobian @ (transposed @ unit)
        return found

    return column


class _OfOne(nn.Module):
    """The function, of one argument."""

    def __init__(self, function: nn.Module) -> None:
        super().__init__()
        self.function = function

    def forward(self, given: dict[str, torch.Tensor]) -> torch.Tensor:
        found: torch.Tensor = self.function(given["ids"], given["last"])
        return found

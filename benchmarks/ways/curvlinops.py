"""curvlinops: the kernel as a product of its Jacobian operators, J (J^T v), never formed.

Some columns are computed, v being their unit vectors; every v costs the same. At its best: several columns
at once share a forward pass (how many is tried out), data in chunks sorted by length, no test for
determinism, and the attention that has a forward mode.
"""

import torch
from curvlinops import JacobianLinearOperator
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from benchmarks.inputs import Inputs
from benchmarks.settings import Setting, tune
from benchmarks.ways import Call

_CHUNK = 8


def prepare(setting: Setting, inputs: Inputs, columns: int) -> Call:
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
    wanted = torch.arange(min(columns, len(inputs)), device=inputs.device)
    units = (places[:, None] == wanted).float()

    def rows() -> torch.Tensor:  # of a symmetric matrix: the columns
        found = torch.zeros(len(wanted), len(inputs), device=inputs.device)
        with sdpa_kernel(SDPBackend.MATH):
            found[:, places] = (jacobian @ (transposed @ units)).T
        return found

    return rows


class _OfOne(nn.Module):
    """The function, of one argument."""

    def __init__(self, function: nn.Module) -> None:
        super().__init__()
        self.function = function

    def forward(self, given: dict[str, torch.Tensor]) -> torch.Tensor:
        found: torch.Tensor = self.function(given["ids"], given["last"])
        return found

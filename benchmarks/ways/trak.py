"""TRAK: vmap over grad, then a random projection, whose Gram matrix approximates the kernel.

TRAK's own gradient computer and projector for the CPU. At its best: the projection, which the projector
draws anew for every batch, is applied once to all gradients, and weights that are not tuned are made
buffers, since TRAK differentiates for all parameters. Its error shrinks with the root of the dimension.
"""

import torch
from torch import nn
from torch.func import functional_call
from trak.gradient_computers import FunctionalGradientComputer
from trak.modelout_functions import AbstractModelOutput
from trak.projectors import BasicProjector, ProjectionType
from trak.utils import vectorize

from benchmarks.inputs import Inputs
from benchmarks.measure import Refused
from benchmarks.settings import Scalar, Setting, Tuned, tune
from benchmarks.ways import Call

_DIMENSION = 2048  # TRAK's default
_CHUNK = 8
_MOST_NUMBERS = 10_000_000_000  # random numbers: minutes of drawing


def prepare(setting: Setting, inputs: Inputs) -> Call:
    """Set gradients and projection up.

    Raises:
        Refused: The projection has too many entries to be drawn in a reasonable time.
    """
    tuned = tune(setting, inputs)
    numbers = _DIMENSION * tuned.size
    if numbers > _MOST_NUMBERS:
        raise Refused(f"the projection has {numbers / 1e9:.0f}e9 entries to draw, about an hour of a CPU")
    _make_buffers_of_frozen(tuned)
    gradients = FunctionalGradientComputer(
        tuned.function, _Output(), tuned.size, torch.float32, inputs.device
    )
    projector = BasicProjector(
        tuned.size, _DIMENSION, 0, ProjectionType.rademacher, inputs.device, block_size=512
    )
    chunks = inputs.chunks(_CHUNK)

    def kernel() -> torch.Tensor:
        rows = torch.empty(len(inputs), tuned.size, device=inputs.device)
        for each in chunks:
            found = gradients.compute_per_sample_grad((each.ids, each.last))
            rows[each.places] = vectorize(found, device=inputs.device)
        features = projector.project(rows, model_id=0)
        return (features @ features.T) / _DIMENSION

    return kernel


class _Output(AbstractModelOutput):  # type: ignore[misc]  # untyped
    """What TRAK is to differentiate: the benchmark's output itself."""

    def __init__(self) -> None:
        """Nothing to set up, but the base class wants one."""

    @staticmethod
    def get_output(
        model: Scalar,
        weights: dict[str, torch.Tensor],
        buffers: dict[str, torch.Tensor],
        ids: torch.Tensor,
        last: torch.Tensor,
    ) -> torch.Tensor:
        """Return the output of one sentence."""
        return functional_call(model, (weights, buffers), (ids[None], last[None]))[0]

    @staticmethod
    def get_out_to_loss_grad(model: nn.Module, weights: object, buffers: object, batch: object) -> None:
        """Not needed: no loss is looked at."""
        raise NotImplementedError


def _make_buffers_of_frozen(tuned: Tuned) -> None:
    for module in tuned.function.modules():
        for name, weight in list(module.named_parameters(recurse=False)):
            if not weight.requires_grad:
                delattr(module, name)
                module.register_buffer(name, weight.detach())

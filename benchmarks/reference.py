"""The kernel in float64, computed the plain way: the yardstick for everybody's error."""

import torch
from torch import nn

from benchmarks.inputs import Inputs
from benchmarks.settings import Setting, tune

_HELD = 8_000_000_000  # bytes of gradients held at a time


def reference(setting: Setting, inputs: Inputs) -> torch.Tensor:
    """Return the `(n, n)` kernel: autograd of each sentence alone, without padding, all in float64.

    The gradients of all sentences for all weights would not fit in memory: some layers are taken at a
    time, and every sentence is run again for them.
    """
    tuned = tune(setting, inputs)
    function = tuned.function.double()
    _norms_in_float64(function)
    n = len(inputs)
    kernel = torch.zeros(n, n, dtype=torch.float64, device=inputs.device)
    for weights in _parts(list(tuned.parameters.values()), n):
        held = [weight.new_empty(n, weight.numel()) for weight in weights]
        for place in range(n):
            alone = inputs.chunk([place])
            grads = torch.autograd.grad(function(alone.ids, alone.last).sum(), weights)
            for rows, grad in zip(held, grads, strict=True):
                rows[place] = grad.flatten()
        kernel += torch.stack([rows @ rows.T for rows in held]).sum(dim=0)
    return kernel


def _parts(weights: list[torch.Tensor], n: int) -> list[list[torch.Tensor]]:
    """Cut the weights into parts whose gradients for n sentences can be held."""
    parts: list[list[torch.Tensor]] = [[]]
    room = _HELD
    for weight in weights:
        needed = 8 * n * weight.numel()
        if needed > room and parts[-1]:
            parts.append([])
            room = _HELD
        parts[-1].append(weight)
        room -= needed
    return parts


class _Norm(nn.Module):
    """Llama's normalisation without its detour through float32."""

    def __init__(self, weight: torch.Tensor, epsilon: float) -> None:
        super().__init__()
        self.weight, self.epsilon = weight, epsilon

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        scale = torch.rsqrt(hidden.pow(2).mean(-1, keepdim=True) + self.epsilon)
        return self.weight * hidden * scale


def _norms_in_float64(function: nn.Module) -> None:
    """Replace the normalisations, which compute in float32 whatever the model's type."""
    for module in list(function.modules()):
        for name, child in module.named_children():
            epsilon = getattr(child, "variance_epsilon", None)
            if epsilon is not None:
                setattr(module, name, _Norm(child.get_parameter("weight"), epsilon))

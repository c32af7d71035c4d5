"""A parameter that is replaced after the optimiser was made, and what becomes of it: nothing."""

from typing import cast

import torch
from torch import nn
from torch.nn import functional


class LateParameter(nn.Module):
    """A linear layer that trains the singular values of its weight, and makes them when it is first used.

    Attributes:
        s: The parameter; another object after the first forward pass.
    """

    def __init__(self, weight: torch.Tensor, *, replaced: bool) -> None:
        """Start with the weight's singular values.

        Args:
            weight: `(d_out, d_in)`.
            replaced: Whether the first forward pass makes a new parameter of them.
        """
        super().__init__()
        u, s, v = torch.linalg.svd(weight, full_matrices=False)
        self.register_buffer("u", u)
        self.register_buffer("v", v)
        self.s = nn.Parameter(s.clone())
        self._pending = replaced

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return U diag(s) V^T x `(..., d_out)`."""
        if self._pending:
            self.s, self._pending = nn.Parameter(self.s.detach().clone()), False
        u, v = cast(torch.Tensor, self.u), cast(torch.Tensor, self.v)
        return functional.linear(x, u * self.s @ v)


def trained(*, replaced: bool, steps: int = 20, seed: int = 0) -> dict[str, float]:
    """Train such a layer with an optimiser that was made before its first use, as trainers do.

    Returns:
        `moved`, how far the singular values went; `loss` at the end over that at the start; `gradient`, the
        norm of the last gradient of the parameter that is in use, so that all looks well.
    """
    generator = torch.Generator().manual_seed(seed)
    weight, target, x = (torch.randn(shape, generator=generator) for shape in ((6, 6), (6, 6), (64, 6)))
    layer = LateParameter(weight, replaced=replaced)
    start = layer.s.detach().clone()
    optimiser = torch.optim.SGD(layer.parameters(), lr=0.1)
    losses = []
    for _ in range(steps):
        layer.zero_grad()
        loss = (layer(x) - x @ target.T).square().mean()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert layer.s.grad is not None
    return {
        "moved": float((layer.s.detach() - start).norm()),
        "loss": losses[-1] / losses[0],
        "gradient": float(layer.s.grad.norm()),
    }

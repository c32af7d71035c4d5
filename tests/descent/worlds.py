"""Small things to train: a quadratic, a linear and a bent function."""

from collections.abc import Callable, Mapping

import torch

from lintune.descent import Loss, Vector, inner


class Function:
    """Any differentiable function of some tensors, `(values) -> (n, C - 1)`."""

    in_coordinates = True

    def __init__(self, start: Mapping[str, torch.Tensor], function: Callable[[Vector], torch.Tensor]) -> None:
        self.start = {name: value.clone() for name, value in start.items()}
        self.values = {name: value.clone() for name, value in start.items()}
        self.function = function

    def gradient(self, rows: torch.Tensor, loss: Loss) -> tuple[torch.Tensor, Vector]:
        leaves = {name: value.detach().clone().requires_grad_() for name, value in self.values.items()}
        outputs = self.function(leaves)[rows]
        grads = torch.autograd.grad(loss.value(outputs, rows), list(leaves.values()), materialize_grads=True)
        return outputs.detach(), dict(zip(leaves, grads, strict=True))

    def inner(self, left: Vector, right: Vector) -> float:
        return inner(left, right)


def linear(examples: int = 6, classes: int = 3, seed: int = 0) -> Function:
    """Return f = f0 + J (theta - theta_0) with theta in two tensors, a 4-vector and a 2 x 2 matrix."""
    draw = torch.Generator().manual_seed(seed)
    start = {
        name: torch.randn(shape, generator=draw, dtype=torch.float64)
        for name, shape in (("u", (4,)), ("w", (2, 2)))
    }
    slopes = torch.randn(examples, classes - 1, 8, generator=draw, dtype=torch.float64)
    at_start = torch.randn(examples, classes - 1, generator=draw, dtype=torch.float64)

    def function(values: Vector) -> torch.Tensor:
        away = torch.cat([(values[name] - start[name]).flatten() for name in start])
        return at_start + slopes @ away

    return Function(start, function)


def bent(examples: int = 6, classes: int = 2, seed: int = 0) -> Function:
    """Return a network with one hidden layer, `tanh(x A^T) B^T`, away from zero."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.randn(examples, 3, generator=draw, dtype=torch.float64)
    start = {
        "A": torch.randn(4, 3, generator=draw, dtype=torch.float64),
        "B": torch.randn(classes - 1, 4, generator=draw, dtype=torch.float64),
    }
    return Function(start, lambda values: torch.tanh(x @ values["A"].T) @ values["B"].T)

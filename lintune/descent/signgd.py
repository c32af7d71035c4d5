"""Sign gradient descent: every coordinate moves by the same length."""

from collections.abc import Iterable

import torch


class SignGD(torch.optim.Optimizer):
    """theta <- theta - learning_rate * sign(gradient), with sign(0) = 0.

    It is how Malladi et al. (2023, Definition 4.1) model Adam early in training: Adam at its first step,
    without the small number that keeps its quotient finite. A gradient that is zero but for rounding, as
    that of a bias of attention keys, moves its coordinate as far as any other.
    """

    def __init__(self, leaves: Iterable[torch.Tensor], lr: float) -> None:
        """Move these leaves.

        Args:
            leaves: What is trained.
            lr: The step size, by which every coordinate with a gradient moves.
        """
        super().__init__(leaves, {"lr": lr})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every leaf that has a gradient."""
        for group in self.param_groups:
            for leaf in group["params"]:
                if leaf.grad is not None:
                    leaf.sub_(leaf.grad.sign(), alpha=group["lr"])

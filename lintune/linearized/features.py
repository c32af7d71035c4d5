"""The linearised model on stored tangent features: for optimisers that leave the span of the gradients."""

from collections.abc import Iterable, Mapping
from typing import Protocol

import torch

from lintune.descent import Loss, Vector, difference, inner
from lintune.errors import InputError
from lintune.methods.attached import Attached, Prepared


def jacobian(
    attached: Attached,
    prepared: Prepared,
    values: Mapping[str, torch.Tensor] | None = None,
    memory: int = 4_000_000_000,
) -> Vector:
    """Return the derivatives of the outputs for all trained parameters, at any point.

    One backward pass for each example and output; the kernel engine is faster, at the start. For DoRA, which
    takes a norm for constant under gradients, they are what its training uses and not true derivatives.

    Args:
        attached: The function.
        prepared: n examples.
        values: Where, tensors as `attached.start`; None for the start.
        memory: Most bytes that the derivatives may take.

    Returns:
        By parameter `(n, C - 1, *shape)`, in the model's dtype.

    Raises:
        InputError: They would exceed `memory`.
    """
    at = attached.start if values is None else values
    n, k = len(prepared), attached.basis.shape[1]
    needed = jacobian_bytes(attached, prepared)
    if needed > memory:
        raise InputError(
            f"memory={memory}: the derivatives of {n} examples with {k} outputs take {needed} bytes; "
            "give fewer examples, or a method or targets with fewer parameters."
        )
    leaves = {name: value.detach().clone().requires_grad_() for name, value in at.items()}
    found = {name: value.new_zeros(n, k, *value.shape) for name, value in at.items()}
    for row in range(n):
        outputs = attached.outputs(leaves, prepared, [row])[0]
        for place, output in enumerate(outputs):
            grads = torch.autograd.grad(
                output, list(leaves.values()), retain_graph=place < k - 1, materialize_grads=True
            )
            for name, grad in zip(found, grads, strict=True):
                found[name][row, place] = grad
    return found


def jacobian_bytes(attached: Attached, prepared: Prepared) -> int:
    """Return how many bytes the derivatives of some examples' outputs take."""
    of_one = sum(value.numel() * value.element_size() for value in attached.start.values())
    return len(prepared) * attached.basis.shape[1] * of_one


def gram(left: Vector, right: Vector | None = None) -> torch.Tensor:
    """Return the kernel `(n, k, m, k)` of derivatives `(n, k, ...)` and `(m, k, ...)`, float64 on the CPU.

    The products of each tensor are summed in its own precision, and those of all tensors in float64.
    """
    right = left if right is None else right
    total: torch.Tensor | None = None
    for name, part in left.items():
        other = right[name]
        products = (part.flatten(0, 1).flatten(1) @ other.flatten(0, 1).flatten(1).T).double().cpu()
        total = products if total is None else total + products
    assert total is not None
    sizes = [next(iter(side.values())).shape[:2] for side in (left, right)]
    return total.reshape(*sizes[0], *sizes[1])


class StoredTangent:
    """What a stored Jacobian does to vectors: `TangentModel` where there is room for it, and much faster."""

    def __init__(self, features: Vector, outputs: torch.Tensor) -> None:
        """Take J, by parameter `(n, C - 1, *shape)`, and the outputs at the start `(n, C - 1)`."""
        self._features = features
        self._outputs = outputs

    def pushed(
        self, direction: Vector, rows: Iterable[int] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the outputs at the start and J d, each `(b, C - 1)`, of some examples."""
        chosen = self._chosen(rows)
        moved = torch.zeros_like(self._outputs[chosen])
        for name, part in self._features.items():
            along = direction[name].flatten().to(part)
            if len(chosen) == len(part):
                moved += (part.flatten(2) @ along).to(moved)[chosen]
                continue
            for place, row in enumerate(chosen):  # views: nothing is copied
                moved[place] += (part[row].flatten(1) @ along).to(moved)
        return self._outputs[chosen], moved

    def pulled(self, cotangents: torch.Tensor, rows: Iterable[int] | None = None) -> Vector:
        """Return J^T c for cotangents c `(b, C - 1)` of some examples, tensors like the parameters."""
        chosen = self._chosen(rows)
        found: Vector = {}
        for name, part in self._features.items():
            total = part.new_zeros(part[0, 0].numel())
            for place, row in enumerate(chosen):
                total.addmv_(part[row].flatten(1).T, cotangents[place].to(part))
            found[name] = total.reshape(part.shape[2:])
        return found

    def _chosen(self, rows: Iterable[int] | None) -> list[int]:
        return list(range(len(self._outputs)) if rows is None else map(int, rows))


class Tangent(Protocol):
    """What the Jacobian at a start does to vectors, however it is known."""

    def pushed(
        self, direction: Vector, rows: Iterable[int] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the outputs at the start and J d, each `(b, C - 1)`, of some examples."""
        ...

    def pulled(self, cotangents: torch.Tensor, rows: Iterable[int] | None = None) -> Vector:
        """Return J^T c for cotangents c `(b, C - 1)` of some examples."""
        ...


class LinearModel:
    """The linearised model f0 + J (theta - theta_0), to be trained in theta.

    Attributes:
        values: theta, moved in place by training.
        start: theta_0.
        in_coordinates: True.
    """

    in_coordinates = True

    def __init__(self, start: Vector, tangent: Tangent) -> None:
        """Start at theta_0 with what is known of J there, on n training examples."""
        self.start = start
        self.values = {name: value.clone() for name, value in start.items()}
        self.tangent = tangent

    def gradient(self, rows: torch.Tensor, loss: Loss) -> tuple[torch.Tensor, Vector]:
        """Return the outputs of some examples and the gradient of their loss."""
        start, change = self.tangent.pushed(difference(self.values, self.start), rows)
        outputs = start + change
        return outputs, self.tangent.pulled(loss.slope(outputs, rows), rows)

    def inner(self, left: Vector, right: Vector) -> float:
        """Return the inner product."""
        return inner(left, right)


class Features(LinearModel):
    """The linearised model with J stored."""

    def __init__(self, start: Vector, features: Vector, outputs: torch.Tensor) -> None:
        """Take the features of n training examples.

        Args:
            start: theta_0.
            features: J, by parameter `(n, C - 1, *shape)`.
            outputs: f0 `(n, C - 1)`.
        """
        super().__init__(start, StoredTangent(features, outputs))

    def outputs_on(self, features: Vector, outputs: torch.Tensor) -> torch.Tensor:
        """Return the outputs `(m, C - 1)` now of examples with these features, and outputs at the start."""
        start, change = StoredTangent(features, outputs).pushed(difference(self.values, self.start))
        return start + change

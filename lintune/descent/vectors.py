"""Points and directions in parameter space: tensors by name, with sums in float64."""

import torch

Vector = dict[str, torch.Tensor]


def inner(left: Vector, right: Vector) -> float:
    """Return the inner product of two vectors with the same names and shapes."""
    return sum(float((left[name].double() * right[name].double()).sum()) for name in left)


def norm(vector: Vector) -> float:
    """Return the Euclidean norm over all tensors."""
    return inner(vector, vector) ** 0.5


def difference(left: Vector, right: Vector) -> Vector:
    """Return left - right, tensor by tensor, detached."""
    return {name: (left[name] - right[name]).detach() for name in left}

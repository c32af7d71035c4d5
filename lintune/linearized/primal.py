"""The linearised model in its own parameters, by forward-mode and reverse-mode differentiation.

Neither the Jacobian nor the kernel is formed: a step costs a forward-mode and a backward pass through the
network at its start. It is the slow way, for any method and optimiser, and the check of the fast ones.
"""

from collections.abc import Iterable

import torch
from torch.func import jvp
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers.pytorch_utils import Conv1D

from lintune.descent import Loss, Vector, inner
from lintune.errors import InputError
from lintune.linearized.features import LinearModel, Tangent
from lintune.methods import LoRA, Weights
from lintune.methods.attached import Attached, Prepared
from lintune.prompted.batches import spans

# Tokens of one pass with a graph.
_TOKENS = 2048


class TangentModel:
    """What the Jacobian J of the outputs of n examples at a start does to vectors, without forming it."""

    def __init__(self, attached: Attached, prepared: Prepared) -> None:
        """Look at some examples."""
        self._attached = attached
        self._prepared = prepared

    def pushed(
        self, direction: Vector, rows: Iterable[int] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the outputs at the start and J d, each `(b, C - 1)`, by forward-mode differentiation.

        Args:
            direction: d, tensors like the parameters. The rows of padding tokens do not count: they get no
                gradient either.
            rows: Which examples; None for all.

        Raises:
            InputError: The model computes with an operation that has no forward-mode derivative.
        """
        start, along = self._attached.start, self._without_padding(direction)
        parts = []
        # The fused attention kernels have no forward-mode derivative; the plain one has.
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
            for chunk in self._chunks(rows):
                f = lambda values, chunk=chunk: self._attached.outputs(values, self._prepared, chunk)  # noqa: E731
                try:
                    parts.append(jvp(f, (start,), (along,)))
                except RuntimeError as error:
                    if "autograd.Function" not in str(error):
                        raise
                    name = type(self._attached.prompted.pretrained.model).__name__
                    raise InputError(
                        f"{name} computes with an operation of its own that has no forward-mode derivative; "
                        "train its linear model in the dual or on stored features."
                    ) from error
        return torch.cat([part[0] for part in parts]), torch.cat([part[1] for part in parts])

    def pulled(self, cotangents: torch.Tensor, rows: Iterable[int] | None = None) -> Vector:
        """Return J^T c, tensors like the parameters, by reverse-mode differentiation.

        Args:
            cotangents: c `(b, C - 1)`.
            rows: Which examples; None for all.
        """
        leaves = {name: value.clone().requires_grad_() for name, value in self._attached.start.items()}
        total = {name: torch.zeros_like(value) for name, value in leaves.items()}
        done = 0
        for chunk in self._chunks(rows):
            outputs = self._attached.outputs(leaves, self._prepared, chunk)
            mine = cotangents[done : done + len(chunk)].to(outputs)
            done += len(chunk)
            grads = torch.autograd.grad(outputs, list(leaves.values()), mine, materialize_grads=True)
            for name, grad in zip(total, grads, strict=True):
                total[name] += grad
        return total

    def _without_padding(self, direction: Vector) -> Vector:
        """Return the direction, zero in the rows of padding tokens: reverse mode gives these no gradient."""
        model = self._attached.prompted.pretrained.model
        found: Vector = {}
        for name in self._attached.start:
            row = getattr(model.get_submodule(name.rpartition(":")[0]), "padding_idx", None)
            value = direction[name]
            found[name] = (
                value if row is None else value.index_fill(0, torch.tensor(row, device=value.device), 0)
            )
        return found

    def _chunks(self, rows: Iterable[int] | None) -> list[list[int]]:
        chosen = list(range(len(self._prepared)) if rows is None else map(int, rows))
        sizes = [len(self._prepared.prompts[row].ids) for row in chosen]
        return [chosen[slice(*span)] for span in spans(sizes, _TOKENS)]


class Primal(LinearModel):
    """The linearised model by differentiating the network at its start, again at every step."""

    def __init__(self, attached: Attached, prepared: Prepared) -> None:
        """Start where the network starts, on n training examples."""
        super().__init__(attached.start, TangentModel(attached, prepared))


class ProductPrimal:
    """LoRA's model linearised in the product: f0 + J_W (alpha / r) (B A - B_0 A_0), trained in A and B.

    The network is linear in the change of the weights and the change stays a product, so that A moves too;
    linearised in (A, B) at B = 0, only B does. What is lost is the curvature of the network alone.

    Attributes:
        values: A and B, moved in place by training.
        start: A and B at the start.
        in_coordinates: True.
    """

    in_coordinates = True

    def __init__(self, attached: Attached, prepared: Prepared, tangent: Tangent | None = None) -> None:
        """Start where the network starts.

        Args:
            attached: LoRA on a model.
            prepared: n training examples.
            tangent: The Jacobian of their outputs for the weights that LoRA changes, where it is stored.

        Raises:
            InputError: The attached method is not LoRA, or not at its usual start.
        """
        method = attached.method
        if not isinstance(method, LoRA) or method.up is not None:
            raise InputError(f"method={method.name!r} must be LoRA at its usual start, B = 0.")
        weights = Attached(attached.prompted, Weights(method.targets))
        self.start = attached.start
        self.values = {name: value.clone() for name, value in attached.start.items()}
        self._scale = method.scale
        self._layers = [name.removesuffix(":weight") for name in weights.start]
        model = attached.prompted.pretrained.model
        self._transposed = {name for name in self._layers if isinstance(model.get_submodule(name), Conv1D)}
        self._tangent = tangent or TangentModel(weights, prepared)

    def gradient(self, rows: torch.Tensor, loss: Loss) -> tuple[torch.Tensor, Vector]:
        """Return the outputs of some examples and the gradient of their loss for A and B."""
        change = {
            f"{layer}:weight": self._as_stored(
                layer, self._scale * self.values[f"{layer}:B"] @ self.values[f"{layer}:A"]
            )
            for layer in self._layers
        }
        start, moved = self._tangent.pushed(change, rows)
        outputs = start + moved
        pulled = self._tangent.pulled(loss.slope(outputs, rows), rows)
        gradient: Vector = {}
        for layer in self._layers:
            weight = self._scale * self._as_stored(layer, pulled[f"{layer}:weight"])
            gradient[f"{layer}:B"] = weight @ self.values[f"{layer}:A"].T
            gradient[f"{layer}:A"] = self.values[f"{layer}:B"].T @ weight
        return outputs, {name: gradient[name] for name in self.values}

    def inner(self, left: Vector, right: Vector) -> float:
        """Return the inner product."""
        return inner(left, right)

    def _as_stored(self, layer: str, weight: torch.Tensor) -> torch.Tensor:
        """Turn `(d_out, d_in)` into the layout in which the model keeps the layer's weight, or back."""
        return weight.T if layer in self._transposed else weight

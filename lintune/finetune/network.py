"""The network itself, to be trained in the parameters of a method."""

import torch

from lintune.descent import Loss, Vector, inner
from lintune.errors import InputError
from lintune.finetune import shares
from lintune.methods.attached import Attached, Prepared
from lintune.prompted.batches import spans

# Tokens of one pass with a graph; the gradients of several passes are added.
_TOKENS = 2048


class Network:
    """A prompted model with a method attached.

    Attributes:
        values: The trained parameters theta, moved in place by training.
        start: theta_0.
        in_coordinates: True.
    """

    in_coordinates = True

    def __init__(self, attached: Attached, prepared: Prepared) -> None:
        """Start at the pretrained function, on n training examples.

        Raises:
            InputError: The model is in half precision, in which small updates are lost to rounding.
        """
        halves = {value.dtype for value in attached.start.values()} & {torch.float16, torch.bfloat16}
        if halves:
            raise InputError(
                f"the model is in {halves.pop()}, in which small updates are lost to rounding: load it with "
                "dtype=torch.float32 to train."
            )
        self.start = attached.start
        self.values = {name: value.clone().requires_grad_() for name, value in attached.start.items()}
        self._attached = attached
        self._prepared = prepared

    def gradient(self, rows: torch.Tensor, loss: Loss) -> tuple[torch.Tensor, Vector]:
        """Return the outputs of some examples and the gradient of their loss; each process runs its share."""

        def run(places: list[int]) -> shares.Found:
            outputs, total = self._gradient(rows[places], loss)
            return [outputs], total

        (outputs,), total = shares.shared(len(rows), run, self._attached.prompted.device)
        return outputs, total

    def inner(self, left: Vector, right: Vector) -> float:
        """Return the inner product."""
        return inner(left, right)

    def outputs_on(self, prepared: Prepared) -> torch.Tensor:
        """Return the outputs `(m, C - 1)` of any examples now, without gradients."""
        return shares.outputs_on(self._attached, self.values, prepared)

    def _gradient(self, rows: torch.Tensor, loss: Loss) -> tuple[torch.Tensor, Vector]:
        sizes = [len(self._prepared.prompts[row].ids) for row in rows.tolist()]
        total: Vector = {}
        outputs = []
        for start, stop in spans(sizes, _TOKENS):
            chunk = rows[start:stop]
            found = self._attached.outputs(self.values, self._prepared, chunk.tolist())
            grads = torch.autograd.grad(
                loss.value(found, chunk), list(self.values.values()), materialize_grads=True
            )
            for name, grad in zip(self.values, grads, strict=True):
                # Not in place: autograd may give two parameters one and the same tensor.
                total[name] = total[name] + grad if name in total else grad
            outputs.append(found.detach())
        return torch.cat(outputs), total

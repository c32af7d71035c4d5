"""The Jacobian of all sentences, stored, and its Gram matrix: what several ways have in common."""

import torch

from benchmarks.inputs import Inputs
from benchmarks.measure import require_room
from benchmarks.settings import Tuned

_WIDTH = 16384  # columns of one product: it stays in the cache, and float32 loses no digits over so few


def products(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """Return the float64 inner products `(m, k)` of rows `(m, P)` and `(k, P)` of float32 numbers.

    One float32 product over millions of columns would be off by 2e-4; parts added up in float64 take no
    longer and are off by 1e-6.
    """
    parts = zip(left.split(_WIDTH, dim=1), right.split(_WIDTH, dim=1), strict=True)
    found = torch.zeros(len(left), len(right), dtype=torch.float64, device=left.device)
    for a, b in parts:
        found += a @ b.T
    return found


class Jacobian:
    """Rooms for every sentence's gradient: a matrix for each weight, so that nothing is concatenated."""

    def __init__(self, tuned: Tuned, inputs: Inputs, beside: int = 0) -> None:
        """Say how much room is needed; it is taken during the timed call.

        Args:
            tuned: What is tuned.
            inputs: The sentences.
            beside: How many further gradients are in memory before they are stored.

        Raises:
            Refused: There is not so much memory.
        """
        self._shapes = {name: (len(inputs), weight.numel()) for name, weight in tuned.parameters.items()}
        self._device = inputs.device
        size = 4 * (len(inputs) + beside) * tuned.size
        require_room(size, f"the stored gradients of {len(inputs)} texts", inputs.device)
        self._rows: dict[str, torch.Tensor] = {}

    def store(self, places: torch.Tensor, gradients: dict[str, torch.Tensor]) -> None:
        """Store the gradients `(m, ...)` of the sentences at `(m,)` places; `gradients` is empty afterwards.

        What is stored is freed at once: together with all that is stored it would not fit in memory.
        """
        while gradients:
            name, gradient = gradients.popitem()
            if name not in self._rows:
                self._rows[name] = torch.empty(self._shapes[name], device=self._device)
            self._rows[name][places] = gradient.reshape(len(places), -1)

    def gram(self) -> torch.Tensor:
        """Return the `(n, n)` kernel."""
        return torch.stack([products(rows, rows) for rows in self._rows.values()]).sum(dim=0)

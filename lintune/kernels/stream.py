"""The gradients of examples batch by batch, for what is computed without all of them in memory."""

from collections.abc import Iterator

import numpy as np

from lintune.errors import InputError
from lintune.kernels.engine import check_outputs
from lintune.methods import Form, Tangents
from lintune.prompted import Classifier
from lintune.prompted.batches import spans
from lintune.tangents import Sweep, in_order
from lintune.tasks import Examples


class Stream:
    """The gradients of examples batch by batch: of a batch nothing is kept when the next one begins.

    Attributes:
        sites: The method's sites by name, in the model's order.
        batches: The examples of each batch, as slices.
        sizes: Tokens of each example.
        outputs: Number of outputs k.
        encoded: The n prompts.
        combined: `(C, k)` combinations of the logits, on the model's device.
    """

    def __init__(
        self,
        prompted: Classifier,
        examples: Examples,
        method: Tangents,
        outputs: np.ndarray | None,
        batch_tokens: int,
    ) -> None:
        """Lay the batches out; no pass is made.

        Args:
            prompted: The function.
            examples: n examples.
            method: The method.
            outputs: `(C, k)` combinations of the logits; None for the C logits.
            batch_tokens: Most tokens in one forward pass.

        Raises:
            InputError: No examples, outputs of the wrong shape, batch_tokens below 1, or a method that
                targets no layer or does not fit one.
        """
        if len(examples) == 0:
            raise InputError("examples must hold at least one example.")
        if batch_tokens < 1:
            raise InputError(f"batch_tokens={batch_tokens} must be at least 1.")
        self.combined = check_outputs(prompted, outputs)
        self.outputs = self.combined.shape[1]
        model = prompted.pretrained.model
        self.sites = in_order(model, method.sites(model))
        self.encoded = prompted.encode(examples)
        self.sizes = [len(prompt.ids) for prompt in self.encoded]
        self.batches = [slice(*span) for span in spans(self.sizes, batch_tokens)]
        self._prompted = prompted
        self._method = method

    def __len__(self) -> int:
        """Return the number of examples n."""
        return len(self.sizes)

    def gradients(self, batch: slice) -> Iterator[tuple[str, list[Form]]]:
        """Yield the gradients of one batch for each site, from the model's output down.

        Sites that the forward pass does not use are left out.
        """
        laid_out = self._prompted.lay_out(self.encoded[batch])
        for taps in Sweep(self._prompted, laid_out, self.sites, self.combined):
            for name, tap in taps.items():
                yield name, list(self._method.gradients(tap))

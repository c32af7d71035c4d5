"""A method attached to a model: the function of its trained parameters that fine-tuning descends."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import nn
from torch.func import functional_call

from lintune.methods.method import LayerMethod, Method
from lintune.methods.own import OwnParameters
from lintune.prompted import Encoded, PromptedModel, contrasts
from lintune.prompted.batches import Batch
from lintune.tangents import Site, in_order
from lintune.tangents.prefix import Prefix
from lintune.tasks import Examples


@dataclass(frozen=True)
class Prepared:
    """Examples ready to be run, with the hidden states that enter the lowest tuned block.

    Attributes:
        prompts: The n prompts as tokens.
        states: `(T, d)` for each prompt; empty where nothing under the tuned parameters is frozen.
    """

    prompts: Sequence[Encoded]
    states: Sequence[torch.Tensor]

    def __len__(self) -> int:
        """Return the number of examples n."""
        return len(self.prompts)


class Attached:
    """The outputs of a prompted model as a function of the parameters that a method trains.

    The model itself is not changed: its weights stay frozen, and the trained parameters are given with
    every call. What lies under the lowest tuned block is computed once for every example.

    Attributes:
        prompted: The function at the start.
        method: The method.
        start: The parameters at the start, theta_0, by `layer:name`; do not write to them.
        basis: `(C, C - 1)` contrasts whose values are the outputs.
    """

    def __init__(self, prompted: PromptedModel, method: Method) -> None:
        """Attach a method.

        Raises:
            InputError: The method does not fit the model, or cannot be trained.
        """
        model = prompted.pretrained.model
        self.prompted = prompted
        self.method = method
        self._sites: dict[str, Site] = in_order(model, method.sites(model))
        self.start = {
            f"{layer}:{name}": value
            for layer, site in self._sites.items()
            for name, value in method.start(site).items()
        }
        self.basis = torch.as_tensor(contrasts(prompted.classes), device=prompted.device)
        self._prefix = Prefix(prompted, self._sites.values())
        self._model = _Logits(prompted)

    @property
    def frozen_blocks(self) -> int:
        """How many blocks from the input on are never run again."""
        return self._prefix.depth

    def prepare(self, examples: Examples) -> Prepared:
        """Encode examples and run the frozen blocks for them."""
        prompts = self.prompted.encode(examples)
        return Prepared(prompts, self._prefix.states(prompts) if self._prefix.depth else [])

    def outputs(
        self, values: Mapping[str, torch.Tensor], prepared: Prepared, rows: Sequence[int] | None = None
    ) -> torch.Tensor:
        """Return the contrasts of the logits, `(b, C - 1)`, in the model's dtype.

        Args:
            values: The trained parameters, as `start`; those that ask for gradients get a graph.
            prepared: n examples.
            rows: Which of them, `(b,)`; None for all.

        Raises:
            CorruptFileError: The outputs are not finite.
        """
        chosen = range(len(prepared)) if rows is None else rows
        batch = self.prompted.lay_out([prepared.prompts[row] for row in chosen])
        states = [prepared.states[row] for row in chosen] if prepared.states else []
        with self._prefix.recalled(batch, states):
            logits = self._logits(values, batch)
        return logits @ self.basis.to(logits)

    def _logits(self, values: Mapping[str, torch.Tensor], batch: Batch) -> torch.Tensor:
        if isinstance(self.method, OwnParameters):
            own = {f"model.{name.replace(':', '.')}": value for name, value in values.items()}
            return cast(torch.Tensor, functional_call(self._model, own, (batch,)))
        with self._layers_changed(values):
            return cast(torch.Tensor, self._model(batch))

    @contextmanager
    def _layers_changed(self, values: Mapping[str, torch.Tensor]) -> Iterator[None]:
        """Let each targeted layer compute what the method makes of it."""
        method = cast(LayerMethod, self.method)
        by_layer: dict[str, dict[str, torch.Tensor]] = {layer: {} for layer in self._sites}
        for name, value in values.items():
            layer, _, short = name.rpartition(":")
            by_layer[layer][short] = value
        with ExitStack() as stack:
            for layer, site in self._sites.items():
                stack.enter_context(_computing(method, site, by_layer[layer]))
            yield


class _Logits(nn.Module):
    """A prompted model as a module, so that its parameters can be given with a call."""

    def __init__(self, prompted: PromptedModel) -> None:
        super().__init__()
        self.model = prompted.pretrained.model
        self._prompted = prompted

    def forward(self, batch: Batch) -> torch.Tensor:
        return self._prompted.logits(batch)


@contextmanager
def _computing(method: LayerMethod, site: Site, values: Mapping[str, torch.Tensor]) -> Iterator[None]:
    """Let a layer compute the method's function inside the context."""

    def forward(x: torch.Tensor, *_: Any) -> torch.Tensor:
        return method.forward(site, values, x)

    site.module.forward = forward
    try:
        yield
    finally:
        del site.module.forward

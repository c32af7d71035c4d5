"""A method attached to a model: the function of its trained parameters that fine-tuning descends."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import cast

import torch
from torch import nn
from torch.func import functional_call
from torch.nn import functional

from lintune.errors import InputError
from lintune.methods.method import LayerMethod, Method, Penalised
from lintune.methods.own import OwnParameters
from lintune.prompted import Classifier, Encoded, contrasts
from lintune.prompted.batches import Batch, spans
from lintune.tangents import Site, in_order
from lintune.tangents.prefix import Prefix
from lintune.tangents.replaced import replaced
from lintune.tasks import Examples


@dataclass(frozen=True)
class Prepared:
    """Examples ready to be run, with the hidden states that enter the lowest tuned block.

    Attributes:
        prompts: The n prompts as tokens.
        depth: How many blocks from the input on were run.
        states: `(T, d)` for each prompt; empty where the depth is 0.
    """

    prompts: Sequence[Encoded]
    depth: int
    states: Sequence[torch.Tensor]

    def __len__(self) -> int:
        """Return the number of examples n."""
        return len(self.prompts)

    def __add__(self, other: "Prepared") -> "Prepared":
        """Return the examples of both, in order.

        Raises:
            InputError: Other blocks were run for one than for the other.
        """
        if self.depth != other.depth:
            raise InputError(f"prepared examples of {self.depth} and {other.depth} frozen blocks do not mix.")
        return Prepared([*self.prompts, *other.prompts], self.depth, [*self.states, *other.states])

    def take(self, rows: Sequence[int]) -> "Prepared":
        """Return the examples at these `(b,)` places, in that order."""
        states = [self.states[row] for row in rows] if self.states else []
        return Prepared([self.prompts[row] for row in rows], self.depth, states)


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

    def __init__(self, prompted: Classifier, method: Method) -> None:
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

    @property
    def penalty(self) -> Callable[[Mapping[str, torch.Tensor]], torch.Tensor] | None:
        """The method's penalty on the trained parameters, a scalar; None where it asks for none."""
        return self._penalty if isinstance(self.method, Penalised) and self.method.penalised else None

    def prepare(self, examples: Examples) -> Prepared:
        """Encode examples and run the frozen blocks for them."""
        prompts = self.prompted.encode(examples)
        depth = self._prefix.depth
        return Prepared(prompts, depth, self._prefix.states(prompts) if depth else [])

    def outputs(
        self, values: Mapping[str, torch.Tensor], prepared: Prepared, rows: Sequence[int] | None = None
    ) -> torch.Tensor:
        """Return the contrasts of the logits, `(b, C - 1)`, in the model's dtype.

        Args:
            values: The trained parameters, as `start`; those that ask for gradients get a graph.
            prepared: n examples.
            rows: Which of them, `(b,)`; None for all.

        Raises:
            InputError: The values are not those that the method trains, or the examples were prepared for
                a method under which other blocks are frozen.
            CorruptFileError: The outputs are not finite.
        """
        self._check(values, prepared)
        chosen = range(len(prepared)) if rows is None else rows
        batch = self.prompted.lay_out([prepared.prompts[row] for row in chosen])
        states = [prepared.states[row] for row in chosen] if prepared.states else []
        with self._prefix.recalled(batch, states), _only_label_words(self.prompted):
            logits = self._logits(values, batch)
        return logits @ self.basis.to(logits)

    def outputs_on(
        self, values: Mapping[str, torch.Tensor], prepared: Prepared, batch_tokens: int = 2048
    ) -> torch.Tensor:
        """Return the outputs of any number of examples `(n, C - 1)`, in parts and without a graph."""
        sizes = [len(prompt.ids) for prompt in prepared.prompts]
        with torch.no_grad():
            parts = [self.outputs(values, prepared, range(*span)) for span in spans(sizes, batch_tokens)]
        return torch.cat(parts)

    def _penalty(self, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        method = cast(Penalised, self.method)
        return torch.stack([method.penalty(here) for here in self._by_layer(values).values()]).sum()

    def _check(self, values: Mapping[str, torch.Tensor], prepared: Prepared) -> None:
        if prepared.depth != self._prefix.depth:
            raise InputError(
                f"prepared has {prepared.depth} frozen blocks; {self.method.name!r} freezes "
                f"{self._prefix.depth}: prepare the examples with what is attached."
            )
        known, given = ({name: part.shape for name, part in each.items()} for each in (self.start, values))
        if known != given:
            wrong = sorted(name for name in known | given if known.get(name) != given.get(name))
            raise InputError(f"values must be like `start`; missing, unknown or misshapen: {wrong[:3]}.")

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
        by_layer = self._by_layer(values)
        with ExitStack() as stack:
            for layer, site in self._sites.items():
                forward = partial(method.forward, site, by_layer[layer])
                stack.enter_context(replaced(site.module, forward))
            yield

    def _by_layer(self, values: Mapping[str, torch.Tensor]) -> dict[str, dict[str, torch.Tensor]]:
        """Return the values of each layer by short name."""
        by_layer: dict[str, dict[str, torch.Tensor]] = {layer: {} for layer in self._sites}
        for name, value in values.items():
            layer, _, short = name.rpartition(":")
            by_layer[layer][short] = value
        return by_layer


class _Logits(nn.Module):
    """A prompted model as a module, so that its parameters can be given with a call."""

    def __init__(self, prompted: Classifier) -> None:
        super().__init__()
        self.model = prompted.pretrained.model
        self._prompted = prompted

    def forward(self, batch: Batch) -> torch.Tensor:
        return self._prompted.logits(batch)


def _only_label_words(prompted: Classifier) -> AbstractContextManager[None]:
    """Let the head compute the label words' logits alone inside the context; the others are zero.

    The head is the largest matrix of a small model: over a few blocks it takes a good part of the time.
    A head that has the classes' logits alone is left as it is.
    """
    head = prompted.pretrained.model.get_output_embeddings()
    labels = prompted.label_ids
    if len(labels) == len(head.weight):
        return nullcontext()

    def forward(hidden: torch.Tensor) -> torch.Tensor:
        bias = None if head.bias is None else head.bias[labels]
        found = functional.linear(hidden, head.weight[labels], bias)
        others = found.new_zeros(*found.shape[:-1], len(head.weight))
        return others.index_copy(-1, labels, found)

    return replaced(head, forward)

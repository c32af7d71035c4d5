"""Fine-tuning by several processes: each runs its share of the examples, and all get what all have found.

Processes are started by torchrun (see `lintune.kernels.ranks`). Every one of them holds all parameters and
moves them by the same gradient, so that nothing but this file knows how many there are. What is found is
what one process finds, up to the order in which the examples' parts are added.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence

import torch

from lintune.descent import Vector
from lintune.errors import CorruptFileError
from lintune.kernels import ranks
from lintune.linearized import Tangent
from lintune.methods.attached import Attached, Prepared
from lintune.models.fingerprint import fingerprint
from lintune.prompted.batches import spans
from lintune.tasks import Examples

# Numbers that are sent at once: many small tensors one by one would be many waits, all of them together a
# second gradient in memory.
_NUMBERS = 4_000_000

# What some examples come to: one row for each of them in every tensor, and a sum over them.
Found = tuple[Sequence[torch.Tensor], Vector]


def shared(count: int, run: Callable[[list[int]], Found], device: torch.device) -> Found:
    """Return what all examples come to, of which each process runs its share.

    Args:
        count: Number of examples b.
        run: From places of examples to what they come to: tensors `(places, ...)`, and a sum over them.
        device: Where that is found.

    Returns:
        Tensors `(b, ...)` and the sum, the same on all processes.

    Raises:
        CorruptFileError: On all processes, where `run` raises it on one: it is how a run that diverges shows.
        LostError: Another process ended or did not answer.
    """
    places = list(range(count))
    if ranks.count() == 1:
        return run(places)
    mine = places[ranks.rank() :: ranks.count()]
    # Who has no example runs the first all the same, to know what shapes to add nothing in.
    rows, total = _all_finite(run, mine or places[:1], device)
    if not mine:
        rows = [part[:0] for part in rows]
        total = {name: torch.zeros_like(part) for name, part in total.items()}
    return [_gathered(part, mine, count) for part in rows], _added(total)


def outputs_on(attached: Attached, values: Mapping[str, torch.Tensor], prepared: Prepared) -> torch.Tensor:
    """Return the outputs of examples `(n, C - 1)`, in parts and without a graph, each process its share.

    Raises:
        CorruptFileError: The outputs are not finite.
        LostError: Another process ended or did not answer.
    """

    def run(places: list[int]) -> Found:
        return [attached.outputs_on(values, prepared.take(places))], {}

    (outputs,), _ = shared(len(prepared), run, attached.prompted.device)
    return outputs


def prepare(attached: Attached, examples: Examples) -> Prepared:
    """Encode examples and run the frozen blocks for them, each process for its share.

    Raises:
        LostError: Another process ended or did not answer.
    """
    if ranks.count() == 1 or not attached.frozen_blocks:
        return attached.prepare(examples)
    prompts = attached.prompted.encode(examples)
    lengths = [len(prompt.ids) for prompt in prompts]
    longest = max(lengths)

    def run(places: list[int]) -> Found:
        states = attached.prepare(examples.take(places)).states
        return [torch.stack([_lengthened(state, longest) for state in states])], {}

    (states,), _ = shared(len(prompts), run, attached.prompted.device)
    kept = [state[:length].clone() for state, length in zip(states, lengths, strict=True)]
    return Prepared(prompts, attached.frozen_blocks, kept)


def check_alike(attached: Attached, *examples: Examples) -> None:
    """Let all processes refuse to train together what is not the same on each.

    Raises:
        InputError: Weights, parameters at the start or examples differ.
        LostError: Another process ended or did not answer.
    """
    if ranks.count() == 1:
        return
    given = {
        "the model's weights": attached.prompted.pretrained.weights,
        "the parameters at the start": fingerprint(attached.start),
        "the examples": repr([(attached.prompted.encode(each), each.labels.tolist()) for each in examples]),
    }
    ranks.check_alike(given, attached.prompted.device)


class SharedTangent:
    """A Jacobian known by passes through the network, of which each process makes its share."""

    def __init__(self, tangent: Tangent, examples: int, device: torch.device) -> None:
        """Share the passes of a Jacobian.

        Args:
            tangent: How one process knows it.
            examples: Number of examples n.
            device: Where the network is.
        """
        self._tangent = tangent
        self._examples = examples
        self._device = device

    def pushed(
        self, direction: Vector, rows: Iterable[int] | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the outputs at the start and J d, each `(b, C - 1)`, of some examples."""
        chosen = self._chosen(rows)

        def run(places: list[int]) -> Found:
            return self._tangent.pushed(direction, [chosen[place] for place in places]), {}

        (start, change), _ = shared(len(chosen), run, self._device)
        return start, change

    def pulled(self, cotangents: torch.Tensor, rows: Iterable[int] | None = None) -> Vector:
        """Return J^T c for cotangents c `(b, C - 1)` of some examples."""
        chosen = self._chosen(rows)

        def run(places: list[int]) -> Found:
            return (), self._tangent.pulled(cotangents[places], [chosen[place] for place in places])

        return shared(len(chosen), run, self._device)[1]

    def _chosen(self, rows: Iterable[int] | None) -> list[int]:
        return list(range(self._examples) if rows is None else map(int, rows))


def _all_finite(run: Callable[[list[int]], Found], places: list[int], device: torch.device) -> Found:
    """Run; where the outputs on any process are not finite, refuse them on all: none would wait in vain."""
    found, overflow = None, None
    try:
        found = run(places)
    except CorruptFileError as error:
        overflow = error
    failed = torch.zeros(ranks.count(), device=device)
    failed[ranks.rank()] = float(found is None)
    where = ranks.summed_over_ranks(failed).nonzero().flatten().tolist()
    if found is None or where:
        raise overflow or CorruptFileError(f"the outputs of examples on rank {where[0]} are not finite.")
    return found


def _gathered(part: torch.Tensor, mine: list[int], count: int) -> torch.Tensor:
    """Return the rows of all processes, each at its place."""
    # The sum of what each process has and of zeros is exact, and the same on all.
    whole = part.new_zeros(count, *part.shape[1:])
    whole[mine] = part
    return ranks.summed_over_ranks(whole)


def _added(vector: Vector) -> Vector:
    """Return the sum over all processes, tensor by tensor; the parts are let go as they are sent."""
    names, sizes = list(vector), [part.numel() for part in vector.values()]
    shapes = {name: part.shape for name, part in vector.items()}
    total: Vector = {}
    for start, stop in spans(sizes, _NUMBERS):
        chosen = names[start:stop]
        flat = ranks.summed_over_ranks(torch.cat([vector.pop(name).flatten() for name in chosen]))
        for name, part in zip(chosen, flat.split(sizes[start:stop]), strict=True):
            total[name] = part.view(shapes[name])
    return total


def _lengthened(state: torch.Tensor, length: int) -> torch.Tensor:
    return torch.nn.functional.pad(state, (0, 0, 0, length - len(state)))

"""One look at a model and some labelled examples: the kernels of all candidates from a single capture."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from lintune.advise.candidates import Candidate
from lintune.errors import InputError
from lintune.kernels import contrasts, feature_size, tangent_kernels
from lintune.methods import Method, count_parameters
from lintune.prompted import PromptedModel
from lintune.tasks import Examples

# A method without its layers; candidates of one trunk differ in layers, alpha and pull alone.
_Trunk = tuple[str, int]


class Sizes(NamedTuple):
    """How large a candidate is.

    Attributes:
        moving: How many parameters have a gradient at the start (of LoRA's two factors only B).
        parameters: How many are trained.
    """

    moving: int
    parameters: int


@dataclass(frozen=True, eq=False)
class Sight:
    """What the capture shows of one candidate.

    Attributes:
        candidate: The candidate.
        kernel: `(N, k, N, k)` float64 tangent kernel of the k contrasts of the logits.
        moving: How many parameters have a gradient at the start (of LoRA's two factors only B).
        parameters: How many are trained.
    """

    candidate: Candidate
    kernel: np.ndarray
    moving: int
    parameters: int


@dataclass(frozen=True, eq=False)
class Look:
    """What one capture shows of all candidates.

    Attributes:
        logits: `(N, C)` float64, at the start.
        labels: `(N,)` classes.
        seconds: What the capture took.
        candidates: What was looked at.
    """

    logits: np.ndarray
    labels: np.ndarray
    seconds: float
    candidates: tuple[Candidate, ...]
    _atoms: Mapping[tuple[_Trunk, int], np.ndarray]
    _places: Mapping[Candidate, tuple[int, ...]]
    _sizes: Mapping[Candidate, Sizes]

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return self.logits.shape[1]

    def at(self, candidate: Candidate) -> Sight:
        """Return the kernel of a candidate: the sum over its layers, times (alpha / rank)^2 for LoRA."""
        scale = (candidate.alpha / candidate.rank) ** 2 if candidate.kind == "lora" else 1.0
        parts = [self._atoms[_trunk(candidate), place] for place in self._places[candidate.bare]]
        return Sight(candidate, scale * np.sum(parts, axis=0), *self._sizes[candidate])


def look(
    prompted: PromptedModel,
    examples: Examples,
    candidates: Sequence[Candidate],
    *,
    seed: int = 0,
    memory: int = 6_000_000_000,
    sizes: Mapping[Candidate, Sizes] | None = None,
) -> Look:
    """Take the kernels of all candidates from one capture.

    Every example goes through the model once, and back once for each contrast. Layers that the same
    candidates share are summed on the way, and alpha and pull cost nothing.

    Args:
        prompted: The function.
        examples: N labelled examples.
        candidates: What to look at.
        seed: Of what methods draw.
        memory: Bytes that the examples may take, beside the model and the kernels.
        sizes: What `sizes_of` returns, where it is known.

    Raises:
        InputError: No candidates, or one that does not fit the model; fewer than two classes among the
            examples.
    """
    if not candidates:
        raise InputError("candidates must hold at least one.")
    if len(set(examples.labels.tolist())) < 2:
        raise InputError("examples must be of at least two classes.")
    model = prompted.pretrained.model
    methods = {bare: bare.method(model, seed) for bare in dict.fromkeys(each.bare for each in candidates)}
    atoms = _atoms(methods, prompted)
    began = time.monotonic()
    found = tangent_kernels(
        prompted,
        examples,
        methods={_label(trunk, place): method for (trunk, place), (method, _) in atoms.items()},
        outputs=contrasts(prompted.classes),
        by_layer=False,
        memory=memory,
    )
    seconds = time.monotonic() - began
    places = {
        bare: tuple(
            place for (trunk, place), (_, users) in atoms.items() if trunk == _trunk(bare) and bare in users
        )
        for bare in methods
    }
    return Look(
        found.train_logits,
        examples.labels,
        seconds,
        tuple(candidates),
        {key: found.train[_label(*key)].total() for key in atoms},
        places,
        sizes or sizes_of(prompted, candidates),
    )


def _atoms(
    methods: Mapping[Candidate, Method], prompted: PromptedModel
) -> dict[tuple[_Trunk, int], tuple[Method, frozenset[Candidate]]]:
    """Return, for each trunk, methods on disjoint groups of layers with the candidates that have each."""
    model = prompted.pretrained.model
    users: dict[_Trunk, dict[str, set[Candidate]]] = {}
    for candidate, method in methods.items():
        of_trunk = users.setdefault(_trunk(candidate), {})
        for layer in method.sites(model):
            of_trunk.setdefault(layer, set()).add(candidate)
    found: dict[tuple[_Trunk, int], tuple[Method, frozenset[Candidate]]] = {}
    for trunk, of_layer in users.items():
        groups: dict[frozenset[Candidate], list[str]] = {}
        for layer, those in of_layer.items():
            groups.setdefault(frozenset(those), []).append(layer)
        for place, (who, layers) in enumerate(groups.items()):
            method = methods[next(iter(who))]
            found[trunk, place] = replace(method, targets=tuple(layers)), who  # type: ignore[type-var]
    return found


def _trunk(candidate: Candidate) -> _Trunk:
    return candidate.kind, candidate.rank


def _label(trunk: _Trunk, place: int) -> str:
    return f"{trunk[0]} {trunk[1]} {place}"


def sizes_of(prompted: PromptedModel, candidates: Sequence[Candidate]) -> dict[Candidate, Sizes]:
    """Return the sizes of candidates; no pass is made.

    Raises:
        InputError: One does not fit the model.
    """
    model, found = prompted.pretrained.model, {}
    for bare in dict.fromkeys(each.bare for each in candidates):
        method = bare.method(model)
        found[bare] = Sizes(feature_size(prompted, method), count_parameters(method, model))
    return {candidate: found[candidate.bare] for candidate in candidates}

"""One look at a model and some labelled examples: the kernels of all candidates from a single capture."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from lintune.advise.candidates import Candidate
from lintune.errors import InputError, unknown_name
from lintune.kernels import contrasts, feature_size, tangent_kernels
from lintune.methods import Method, count_parameters
from lintune.prompted import PromptedModel
from lintune.tasks import Examples

# A method without its layers; candidates of one trunk differ in layers, alpha and pull alone.
_Trunk = tuple[str, int]
_Atom = tuple[_Trunk, int]


@dataclass(frozen=True, eq=False)
class Sight:
    """What the capture shows of one candidate.

    Its layers come in G groups: layers of one kind (such as queries) in a run of blocks. Adam moves all of
    their coordinates alike, however much their gradients differ from those of another group.

    Attributes:
        candidate: The candidate.
        parts: `(G, N, k, N, k)` float64 tangent kernels of the k contrasts of the logits, by group of layers.
        moving: `(G,)` how many parameters of a group have a gradient at the start (of LoRA's factors only B).
        parameters: How many are trained.
    """

    candidate: Candidate
    parts: np.ndarray
    moving: np.ndarray
    parameters: int

    @property
    def kernel(self) -> np.ndarray:
        """The tangent kernel `(N, k, N, k)`, the sum of the parts."""
        return np.asarray(self.parts.sum(axis=0))

    @property
    def whole(self) -> "Sight":
        """The same candidate with all of its layers in one group."""
        return replace(self, parts=self.kernel[None], moving=self.moving.sum(keepdims=True))


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
    _parts: Mapping[_Atom, np.ndarray]
    _moving: Mapping[_Atom, int]
    _atoms: Mapping[Candidate, tuple[_Atom, ...]]
    _parameters: Mapping[Candidate, int]

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return self.logits.shape[1]

    def at(self, candidate: Candidate) -> Sight:
        """Return the kernel of a candidate: those of its layers, times (alpha / rank)^2 for LoRA."""
        if candidate not in self.candidates:
            raise unknown_name("candidate", candidate.name, [each.name for each in self.candidates])
        scale = (candidate.alpha / candidate.rank) ** 2 if candidate.kind == "lora" else 1.0
        atoms = self._atoms[candidate.bare]
        parts = scale * np.stack([self._parts[atom] for atom in atoms])
        moving = np.array([self._moving[atom] for atom in atoms])
        return Sight(candidate, parts, moving, self._parameters[candidate])


def look(
    prompted: PromptedModel,
    examples: Examples,
    candidates: Sequence[Candidate],
    *,
    seed: int = 0,
    memory: int = 6_000_000_000,
    parameters: Mapping[Candidate, int] | None = None,
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
        parameters: What `parameters_of` returns, where it is known.

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
        methods={_label(atom): method for atom, (method, _) in atoms.items()},
        outputs=contrasts(prompted.classes),
        by_layer=False,
        memory=memory,
    )
    seconds = time.monotonic() - began
    return Look(
        found.train_logits,
        examples.labels,
        seconds,
        tuple(candidates),
        {atom: found.train[_label(atom)].total() for atom in atoms},
        {atom: feature_size(prompted, method) for atom, (method, _) in atoms.items()},
        {bare: tuple(atom for atom, (_, users) in atoms.items() if bare in users) for bare in methods},
        parameters or parameters_of(prompted, candidates),
    )


def parameters_of(prompted: PromptedModel, candidates: Sequence[Candidate]) -> dict[Candidate, int]:
    """Return how many parameters candidates train; no pass is made.

    Raises:
        InputError: One does not fit the model.
    """
    model = prompted.pretrained.model
    bare = dict.fromkeys(each.bare for each in candidates)
    found = {each: count_parameters(each.method(model), model) for each in bare}
    return {candidate: found[candidate.bare] for candidate in candidates}


def _atoms(
    methods: Mapping[Candidate, Method], prompted: PromptedModel
) -> dict[_Atom, tuple[Method, frozenset[Candidate]]]:
    """Return methods on disjoint groups of layers, with the candidates that have each.

    A group holds layers of one kind, by the last part of their names, that the same candidates of one method
    and rank share.
    """
    model = prompted.pretrained.model
    users: dict[_Trunk, dict[str, set[Candidate]]] = {}
    for candidate, method in methods.items():
        of_trunk = users.setdefault((candidate.kind, candidate.rank), {})
        for layer in method.sites(model):
            of_trunk.setdefault(layer, set()).add(candidate)
    found: dict[_Atom, tuple[Method, frozenset[Candidate]]] = {}
    for trunk, of_layer in users.items():
        groups: dict[tuple[frozenset[Candidate], str], list[str]] = {}
        for layer, those in of_layer.items():
            groups.setdefault((frozenset(those), layer.rpartition(".")[2]), []).append(layer)
        for place, ((who, _), layers) in enumerate(groups.items()):
            method = methods[next(iter(who))]
            found[trunk, place] = replace(method, targets=tuple(layers)), who  # type: ignore[type-var]
    return found


def _label(atom: _Atom) -> str:
    (kind, rank), place = atom
    return f"{kind} {rank} {place}"

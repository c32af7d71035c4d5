"""What could be trained: layers x method x rank x alpha x lambda, each a candidate with a name."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Literal

from transformers import PreTrainedModel

from lintune.advise.layers import Layers, has_usual_layers, layers_in, runs, usual_layers
from lintune.errors import InputError, unknown_name
from lintune.methods import IA3, LoRA, Method, Rows
from lintune.tangents import blocks_of

Kind = Literal["lora", "ia3", "rows"]
KINDS: tuple[Kind, ...] = ("lora", "ia3", "rows")


@dataclass(frozen=True)
class Candidate:
    """One way to fine-tune.

    Attributes:
        blocks: The first tuned block and the one after the last, counted from the input.
        layers: `all` linear layers of these blocks, or the `usual` ones (`lintune.advise.layers`).
        kind: `lora`, `ia3` (factors on the outputs of the layers) or `rows` (`rank` rows of each weight).
        rank: Rank of LoRA, or how many rows; 0 for a method that has neither.
        alpha: Scale of LoRA, whose change enters as alpha / rank; 0 for others.
        pull: Strength lambda of the pull to the start, over the mean eigenvalue of the kernel of the
            training examples; 0 for none.
    """

    blocks: tuple[int, int]
    layers: Layers = "all"
    kind: Kind = "lora"
    rank: int = 8
    alpha: float = 16.0
    pull: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is a candidate for no model: a kind, rank, alpha or pull that is none."""
        if self.kind not in KINDS:
            raise unknown_name("kind", self.kind, KINDS)
        if self.kind == "lora":
            LoRA(self.rank, self.alpha)
        elif self.kind == "rows":
            Rows(self.rank)
        if not 0 <= self.pull < float("inf"):
            raise InputError(f"pull={self.pull} must be at least 0 and finite.")

    @property
    def name(self) -> str:
        """What tables call it, such as `27-29 all, LoRA r 8`; blocks are counted from 0."""
        first, end = self.blocks
        where = f"{first}-{end - 1}" if end - first > 1 else f"{first}"
        return f"{where} {self.layers}, {self.trains}"

    @property
    def trains(self) -> str:
        """Method, rank, alpha where it is not twice the rank, and the pull."""
        unusual = "" if self.kind != "lora" or self.alpha == 2 * self.rank else f" alpha {self.alpha:g}"
        what = {"lora": f"LoRA r {self.rank}", "ia3": "IA3", "rows": f"{self.rank} rows"}[self.kind]
        return what + unusual + (f", pull {self.pull:g}" if self.pull else "")

    @property
    def bare(self) -> "Candidate":
        """The candidate without scale and pull, whose kernel is this one's but for a factor."""
        return replace(self, alpha=float(self.rank) if self.kind == "lora" else 0.0, pull=0.0)

    def method(self, model: PreTrainedModel, seed: int = 0) -> Method:
        """Return the method on the layers of a model.

        Args:
            model: The model.
            seed: Of what the method draws.

        Raises:
            InputError: The blocks are not there, peft has no usual layers for the model, or a rank does not
                fit a layer.
        """
        names = layers_in(model, self.blocks, self.layers)
        method: Method
        if self.kind == "ia3":
            method = IA3(targets=names, feedforward=())
        elif self.kind == "rows":
            method = Rows(self.rank, targets=names)
        else:
            method = LoRA(self.rank, self.alpha, names, seed)
        method.sites(model)
        return method


def candidates(
    model: PreTrainedModel,
    *,
    blocks: Sequence[tuple[int, int]] | None = None,
    layers: Sequence[Layers] | None = None,
    ranks: Sequence[int] = (2, 8, 32),
    scales: Sequence[float] = (2.0,),
    kinds: Sequence[Kind] = ("lora", "ia3"),
    rows: int = 3,
    pulls: Sequence[float] = (0.0, 1.0),
) -> tuple[Candidate, ...]:
    """Return every combination that fits a model.

    Args:
        model: The model.
        blocks: Runs of blocks; None for those of `lintune.advise.layers.runs`.
        layers: `usual`, `all`, or both; None for both where they differ.
        ranks: Ranks of LoRA. One that exceeds a side of some layer is left out there.
        scales: Values of alpha / rank.
        kinds: Methods.
        rows: How many rows of each weight `rows` trains.
        pulls: Strengths over the kernel's mean eigenvalue.

    Raises:
        InputError: Nothing fits, an unknown kind, a rank, scale or pull that is none, blocks that are not
            there, or `usual` layers where peft has none.
    """
    which = layers or (("usual", "all") if has_usual_layers(model) else ("all",))
    places = blocks or runs(len(blocks_of(model)))
    for run in places:
        layers_in(model, run, "all")
    if "usual" in which:
        usual_layers(model)
    found = []
    for run, layer, kind in product(places, which, kinds):
        for rank, alpha in _sizes(kind, ranks, scales, rows):
            found += [Candidate(run, layer, kind, rank, alpha, pull) for pull in pulls]
    return fitting(model, found)


def fitting(model: PreTrainedModel, found: Sequence[Candidate]) -> tuple[Candidate, ...]:
    """Return the candidates whose rank fits every layer, each once.

    Raises:
        InputError: None fits; the message is that of the first.
    """
    fits: dict[Candidate, bool] = {}
    refusal: InputError | None = None
    for candidate in dict.fromkeys(each.bare for each in found):
        try:
            candidate.method(model)
        except InputError as error:
            refusal = refusal or error
            fits[candidate] = False
        else:
            fits[candidate] = True
    kept = tuple(dict.fromkeys(each for each in found if fits[each.bare]))
    if not kept:
        raise refusal or InputError("candidates: there are none.")
    return kept


def _sizes(kind: Kind, ranks: Sequence[int], scales: Sequence[float], rows: int) -> list[tuple[int, float]]:
    if kind == "lora":
        return [(rank, rank * scale) for rank, scale in product(ranks, scales)]
    return [(rows if kind == "rows" else 0, 0.0)]

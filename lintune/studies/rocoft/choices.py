"""What is compared: rows, columns, single entries and LoRA at equal budget, and their kernels."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lintune import theory
from lintune.errors import unknown_name
from lintune.kernels import BlockKernel, TangentKernels, contrasts, tangent_kernels
from lintune.methods import Columns, Entries, LoRA, Method, Rows, Weights
from lintune.prompted import Classifier
from lintune.studies.rocoft.scores import Layer
from lintune.tasks import Examples

PLAIN = ("first", "last", "even", "largest", "smallest")
SCORED = ("wanda", "wanda, least", "gradient", "gradient, least")
RULES = (*PLAIN, "random", *SCORED)
FULL = "full"
# A usual scale of LoRA, whatever the rank.
ALPHA = 16.0


@dataclass(frozen=True)
class Choice:
    """Some parameters of each targeted weight.

    Attributes:
        kind: `rows` or `columns`; `entries` or `lora` for as many parameters as `count` rows have.
        count: How many rows or columns.
        rule: One of `RULES`; `random` for entries and for LoRA, whose A is drawn.
        seed: Of the random rule.
    """

    kind: str
    count: int
    rule: str = "random"
    seed: int = 0

    @property
    def fields(self) -> dict[str, Any]:
        """The attributes by name, as columns of tables have them."""
        return asdict(self)

    @property
    def name(self) -> str:
        """A name that no other choice has."""
        return f"{self.kind}, {self.count}, {self.rule}, {self.seed}"


def choices(
    kinds: Iterable[str], counts: Iterable[int], rules: Sequence[str], seeds: Iterable[int]
) -> list[Choice]:
    """Return all combinations; rules that draw nothing once, kinds that have no rule by the random one."""
    found = []
    drawn, counted = list(seeds), list(counts)
    for kind in kinds:
        wanted = rules if kind in ("rows", "columns") else ("random",)
        for rule in wanted:
            for count in counted:
                found += [Choice(kind, count, rule, seed) for seed in (drawn if rule == "random" else [0])]
    return found


def equal_rank(layers: Mapping[str, Layer], count: int) -> int:
    """Return the rank at which LoRA's A and B are nearest in number to `count` rows, at least 1."""
    rows = sum(layer.shape[1] for layer in layers.values())
    return max(1, round(count * rows / sum(sum(layer.shape) for layer in layers.values())))


def methods_of(choice: Choice, layers: Mapping[str, Layer]) -> list[Method]:
    """Return the methods that together train a choice.

    Single entries are as many as the rows would have, layer by layer: a method for each width.

    Args:
        choice: The choice.
        layers: The targeted layers by name, with their scores.

    Raises:
        InputError: The kind or the rule is not known.
    """
    names, count, seed = list(layers), choice.count, choice.seed
    if choice.kind == "lora":
        return [LoRA(equal_rank(layers, count), ALPHA, names, seed)]
    if choice.kind == "entries":
        widths: dict[int, list[str]] = defaultdict(list)
        for name, layer in layers.items():
            widths[layer.shape[1]].append(name)
        return [Entries(count * width, targets=own, seed=seed) for width, own in widths.items()]
    if choice.kind not in ("rows", "columns"):
        raise unknown_name("kind", choice.kind, ("rows", "columns", "entries", "lora"))
    if choice.rule not in RULES:
        raise unknown_name("rule", choice.rule, RULES)
    method = Rows if choice.kind == "rows" else Columns
    if choice.rule not in SCORED:
        return [method(count, choice.rule, names, seed)]  # type: ignore[arg-type]
    score, _, least = choice.rule.partition(", ")
    best = {name: layer.best(choice.kind, score, count, not least) for name, layer in layers.items()}
    return [method(count, best, names)]


def factors(choice: Choice, layers: Mapping[str, Layer]) -> dict[str, float]:
    """Return by layer what makes the mean of the kernel over draws that of the whole weight.

    It is the number of all over the number chosen; for LoRA that of `lintune.theory.expected_factor`.
    """
    found = {}
    for name, (rows, columns) in ((name, layer.shape) for name, layer in layers.items()):
        if choice.kind == "lora":
            found[name] = 1 / theory.expected_factor(ALPHA, equal_rank(layers, choice.count), columns)
        else:
            found[name] = (columns if choice.kind == "columns" else rows) / choice.count
    return found


def parameters(choice: Choice, layers: Mapping[str, Layer]) -> int:
    """Return how many numbers are trained."""
    rows, columns = (sum(layer.shape[axis] for layer in layers.values()) for axis in (0, 1))
    if choice.kind == "lora":
        return equal_rank(layers, choice.count) * (rows + columns)
    return choice.count * (rows if choice.kind == "columns" else columns)


def captured(
    prompted: Classifier,
    train: Examples,
    others: Examples | None,
    layers: Mapping[str, Layer],
    chosen: Sequence[Choice],
    **options: Any,
) -> TangentKernels:
    """Return the kernels of all choices and of the whole weights, from one capture.

    Args:
        prompted: The function; kernels are of the contrasts of its logits.
        train: n examples.
        others: m more examples, or None.
        layers: The targeted layers by name.
        chosen: The choices.
        options: Further arguments of `tangent_kernels`.

    Returns:
        Kernels by the choices' names, and `full`.
    """
    parts = {choice.name: methods_of(choice, layers) for choice in chosen}
    methods = {f"{name} #{place}": one for name, own in parts.items() for place, one in enumerate(own)}
    found = tangent_kernels(
        prompted,
        train,
        others,
        methods={FULL: Weights(list(layers)), **methods},
        outputs=contrasts(prompted.classes),
        **options,
    )

    def together(kernels: Mapping[str, BlockKernel]) -> dict[str, BlockKernel]:
        whole = {FULL: kernels[FULL]}
        for name, own in parts.items():
            first, *rest = (kernels[f"{name} #{place}"] for place in range(len(own)))
            for other in rest:
                first = first + other
            whole[name] = first
        return whole

    return TangentKernels(
        together(found.train),
        together(found.cross) if others is not None else {},
        found.train_logits,
        found.cross_logits,
    )

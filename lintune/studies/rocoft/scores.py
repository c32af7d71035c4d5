"""Which rows or columns matter by what the data say: scores of each, from one walk over the model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from lintune import theory
from lintune.errors import InputError, unknown_name
from lintune.kernels import contrasts
from lintune.kernels.engine import check_outputs
from lintune.kernels.walk import Walk
from lintune.methods import Weights
from lintune.methods.attached import Prepared
from lintune.methods.shapes import matrix_shape
from lintune.prompted import Classifier
from lintune.tangents import LinearTap, in_order
from lintune.tangents.prefix import Prefix
from lintune.tasks import Examples
from lintune.theory import Moments, Products

KINDS = ("rows", "columns")
SCORES = ("wanda", "gradient")


@dataclass(frozen=True)
class Layer:
    """What a walk saw of a linear layer with a weight of m rows and d columns.

    Attributes:
        shape: `(m, d)`.
        rows: `(m,)` scores of the rows by name of the score.
        columns: `(d,)` scores of the columns by name of the score.
        products: Sums of squares from which the variance of random subsets follows; None where they were
            not asked for.
        moments: Those from which the variance of LoRA follows; None likewise.
    """

    shape: tuple[int, int]
    rows: Mapping[str, np.ndarray]
    columns: Mapping[str, np.ndarray]
    products: Products | None
    moments: Moments | None

    def best(self, kind: str, score: str, count: int, largest: bool = True) -> list[int]:
        """Return the `count` rows or columns of largest, or smallest, score; ties to the first.

        Raises:
            InputError: There are not so many.
        """
        scores = getattr(self, kind)[score]
        if not 1 <= count <= len(scores):
            raise InputError(f"count={count} must be from 1 to {len(scores)}, the number of {kind}.")
        order = np.argsort(-scores if largest else scores, kind="stable")
        return sorted(order[:count].tolist())


def look(
    prompted: Classifier,
    examples: Examples,
    targets: Sequence[str],
    *,
    theories: bool = False,
    prepared: Prepared | None = None,
    batch_tokens: int = 1024,
) -> dict[str, Layer]:
    """Score rows and columns of each targeted weight by name of the layer, from one walk over the model.

    `wanda` is the sum over the row, or column, of the size of each weight times the norm of its input over
    all tokens (after Sun et al., 2024, who prune single weights by it). `gradient` is the sum of squares of
    the gradients of all outputs of all examples for the row, or column: its share of the kernel's trace.
    Neither asks for labels.

    Args:
        prompted: The function; gradients are those of the contrasts of its logits.
        examples: n examples.
        targets: Patterns of the layers' names.
        theories: Whether to return products and moments too, which cost more.
        prepared: `examples` with the states that leave the blocks below all targeted ones, as
            `Attached.prepare` gives them: those blocks are not run again.
        batch_tokens: Most tokens in one forward pass.

    Raises:
        InputError: A pattern matches no layer.
    """
    model = prompted.pretrained.model
    sites = in_order(model, Weights(list(targets)).sites(model))
    outputs = check_outputs(prompted, contrasts(prompted.classes))
    walk = Walk(
        prompted,
        prompted.encode(examples) if prepared is None else prepared.prompts,
        sites,
        outputs,
        batch_tokens=batch_tokens,
        recompute=False,
        prefix=None if prepared is None else Prefix(prompted, sites.values()),
        states=() if prepared is None else prepared.states,
    )
    found = {}
    for taps in walk:
        for name, tap in taps.items():
            assert isinstance(tap, LinearTap)
            found[name] = _seen(tap, theories)
        del taps
    return {name: found[name] for name in sites if name in found}


def selected(
    prompted: Classifier,
    examples: Examples,
    kind: str,
    score: str,
    count: int,
    targets: Sequence[str],
    *,
    largest: bool = True,
) -> dict[str, list[int]]:
    """Return the rows, or columns, of largest score by layer, for `Rows(rule=...)` or `Columns(rule=...)`.

    Args:
        prompted: The function.
        examples: n examples; their labels are not looked at.
        kind: `rows` or `columns`.
        score: `wanda` or `gradient`, as `look` describes them.
        count: How many of each weight.
        targets: Patterns of the layers' names.
        largest: False for those of smallest score.

    Raises:
        InputError: An unknown kind or score, a pattern that matches no layer, or a layer that has not so
            many.
    """
    if kind not in KINDS:
        raise unknown_name("kind", kind, KINDS)
    if score not in SCORES:
        raise unknown_name("score", score, SCORES)
    sites = Weights(list(targets)).sites(prompted.pretrained.model)
    for name, site in sites.items():
        size = matrix_shape(site)[KINDS.index(kind)]
        if not 1 <= count <= size:
            raise InputError(f"count={count} must be from 1 to {size}, the number of {kind} of {name!r}.")
    return {
        name: layer.best(kind, score, count, largest)
        for name, layer in look(prompted, examples, targets).items()
    }


def _seen(tap: LinearTap, theories: bool) -> Layer:
    sizes = tap.weight.detach().double().abs() * tap.x.double().square().sum(0).sqrt()
    rows, columns = _energies(tap.x, tap.g, tap.lengths)
    products = theory.token_products(tap.x, tap.g, tap.lengths) if theories else None
    moments = theory.token_moments(tap.x, tap.g, tap.lengths) if theories else None
    return Layer(
        (int(tap.weight.shape[0]), int(tap.weight.shape[1])),
        {"wanda": sizes.sum(1).cpu().numpy(), "gradient": rows.cpu().numpy()},
        {"wanda": sizes.sum(0).cpu().numpy(), "gradient": columns.cpu().numpy()},
        products,
        moments,
    )


def _energies(x: torch.Tensor, g: torch.Tensor, lengths: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the sums of squares of all gradients by row `(m,)` and by column `(d,)`.

    That of row a is the sum over token pairs of <x_s, x_t> g_sa g_ta: no gradient is written out.
    """
    rows, columns = g.new_zeros(g.shape[2]).double(), x.new_zeros(x.shape[1]).double()
    sizes = lengths.tolist()
    for inputs, outputs in zip(x.double().split(sizes), g.double().split(sizes, dim=1), strict=True):
        for each in outputs:
            rows += ((inputs @ inputs.T) @ each * each).sum(0)
            columns += ((each @ each.T) @ inputs * inputs).sum(0)
    return rows, columns

"""How far the kernel of some rows, columns or entries is from that of the whole weights, by normalisation."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from lintune import spectrum, theory
from lintune.errors import InputError
from lintune.kernels import BlockKernel, TangentKernels, flat
from lintune.studies.rocoft.choices import FULL, Choice, equal_rank, factors, parameters
from lintune.studies.rocoft.scores import Layer

NORMALISATIONS = ("none", "unbiased", "trace", "frobenius", "centred")


def distances(kernel: BlockKernel, unbiased: BlockKernel, full: BlockKernel) -> dict[str, float]:
    """Return the distance of a kernel from that of the whole weights after each normalisation.

    Args:
        kernel: Of the choice.
        unbiased: The same with each layer's block scaled so that its mean over draws is the whole block.
        full: Of the whole weights.

    Returns:
        `none`: ||K_S - K|| / ||K||. `unbiased`: that of the unbiased kernel. `trace`: after K_S is scaled to
        the trace of K. `frobenius`: || K_S/||K_S|| - K/||K|| ||, from 0 to sqrt(2) for kernels. `centred`:
        that of the kernels centred over examples, sqrt(2 - 2 A) with A their centred alignment. NaN where
        the kernel is zero.
    """
    one, mean, other = flat(kernel.total()), flat(unbiased.total()), flat(full.total())
    size = float(np.linalg.norm(other))
    found = {
        "none": float(np.linalg.norm(one - other)) / size,
        "unbiased": float(np.linalg.norm(mean - other)) / size,
    }
    if not np.trace(one) > 0:
        return found | dict.fromkeys(NORMALISATIONS[2:], math.nan)
    scaled = one * (np.trace(other) / np.trace(one))
    return found | {
        "trace": float(np.linalg.norm(scaled - other)) / size,
        "frobenius": _apart(kernel, full, "frobenius"),
        "centred": _apart(kernel, full, "centred"),
    }


def table(
    found: TangentKernels, chosen: Sequence[Choice], layers: Mapping[str, Layer], select: str = "*"
) -> pd.DataFrame:
    """Return the distances of all choices.

    Args:
        found: As `captured` returns it.
        chosen: The choices.
        layers: The targeted layers, with products and moments where predictions are wanted.
        select: Pattern of the layers that count.

    Returns:
        A row per choice: `kind`, `count`, `rule`, `seed`, `parameters`, a column per normalisation, and what
        is `predicted` of `unbiased` in root mean square over draws; NaN for rules that draw nothing.
    """
    full = found.train[FULL].select(select)
    own = {name: layers[name] for name in full.layers}
    rows = []
    for choice in chosen:
        kernel = found.train[choice.name].select(select)
        unbiased = scaled(kernel, factors(choice, layers))
        rows.append(
            {
                **choice.fields,
                "parameters": parameters(choice, own),
                **distances(kernel, unbiased, full),
                "predicted": predicted(choice, layers, full),
            }
        )
    return pd.DataFrame(rows)


def by_layer(found: TangentKernels, chosen: Sequence[Choice], layers: Mapping[str, Layer]) -> pd.DataFrame:
    """Return the distances of each layer's own kernel: as `table`, with `layer` and its last name `part`."""
    return pd.concat(
        [
            table(found, chosen, layers, name).assign(layer=name, part=name.rsplit(".", 1)[-1])
            for name in found.train[FULL].layers
        ],
        ignore_index=True,
    )


def predicted(choice: Choice, layers: Mapping[str, Layer], full: BlockKernel) -> float:
    """Return the root mean square over draws of the unbiased kernel's distance, as theory gives it.

    Layers draw independently, so the variances of their blocks add up. NaN for rules that draw nothing and
    for layers without products.
    """
    if choice.rule != "random" or any(layers[name].products is None for name in full.layers):
        return math.nan
    total = sum(float(_variance(choice, layers, name).sum()) for name in full.layers)
    return math.sqrt(total) / float(np.linalg.norm(full.total()))


def chance(full: BlockKernel, draws: int, seed: int = 0) -> pd.DataFrame:
    """Return how far kernels are that know nothing of the examples, but the spectrum or the mean.

    Args:
        full: Of the whole weights.
        draws: How many permutations.
        seed: Seed of the permutations.

    Returns:
        Rows with `rule` and a column per normalisation: `shuffled`, K with its examples permuted, a row per
        draw; `constant`, the mean of all permutations of K, with one number for each two different examples;
        `centred` of it says nothing and is the distance of orthogonal kernels, sqrt(2).

    Raises:
        InputError: There are fewer than two examples.
    """
    n = full.blocks.shape[1]
    if n < 2:
        raise InputError(f"full is a kernel of n={n} examples; a permutation needs at least two.")
    rng = np.random.default_rng(seed)
    rows = []
    for _ in range(draws):
        order = rng.permutation(n)
        other = full.between(order, order)
        rows.append({"rule": "shuffled", **distances(other, other, full)})
    same = BlockKernel((FULL,), _mean_of_permutations(full.total())[None])
    rows.append({"rule": "constant", **distances(same, same, full), "centred": math.sqrt(2)})
    return pd.DataFrame(rows)


def spectra(found: TangentKernels, chosen: Sequence[Choice]) -> pd.DataFrame:
    """Return the eigenvalues of kernels over their trace, descending.

    Returns:
        A row per eigenvalue: `kind` (`full` too), `count`, `rule`, `seed`, `place` from 1, `share`.
    """
    rows = []
    for choice in [Choice(FULL, 0, "all"), *chosen]:
        name = FULL if choice.kind == FULL else choice.name
        values = spectrum.eigenvalues(flat(found.train[name].total()))
        shares = values / values.sum()
        rows += [
            {**choice.fields, "place": place, "share": float(max(share, 0.0))}
            for place, share in enumerate(shares, 1)
        ]
    return pd.DataFrame(rows)


def design_effects(layers: Mapping[str, Layer]) -> pd.DataFrame:
    """Return the variance of random rows, and of columns, over that of as many random entries, by layer.

    Returns:
        A row per layer and kind: `layer`, `part`, `kind`; `all`, the ratio of variances summed over all
        entries of the layer's kernel; `own`, over its diagonal; `pairs`, over the rest.

    Raises:
        InputError: A layer has no products.
    """
    rows = []
    for name, layer in layers.items():
        if layer.products is None:
            raise InputError(f"layers[{name!r}] has no products: look at it with theories=True.")
        # The ratio is the same at every share of the weight.
        entries = theory.selection_variance(layer.products, "entries", 1)
        eye = np.eye(len(entries), dtype=bool)
        where = {"all": np.ones_like(eye), "own": eye, "pairs": ~eye}
        for kind in ("rows", "columns"):
            variances = theory.design_effect(layer.products, kind) * entries
            rows.append(
                {"layer": name, "part": name.rsplit(".", 1)[-1], "kind": kind}
                | {key: float(np.nansum(variances[at]) / entries[at].sum()) for key, at in where.items()}
            )
    return pd.DataFrame(rows)


def scaled(kernel: BlockKernel, by: Mapping[str, float]) -> BlockKernel:
    """Return a kernel with each layer's block multiplied by its factor."""
    each = np.array([by[layer] for layer in kernel.layers])
    return BlockKernel(kernel.layers, kernel.blocks * each[:, None, None, None, None])


def _variance(choice: Choice, layers: Mapping[str, Layer], name: str) -> np.ndarray:
    layer, count = layers[name], choice.count
    assert layer.products is not None
    assert layer.moments is not None
    if choice.kind == "lora":
        return theory.projected_variance(layer.moments, equal_rank(layers, count), "uniform")
    number = count * layer.shape[1] if choice.kind == "entries" else count
    return theory.selection_variance(layer.products, choice.kind, number)


def _apart(kernel: BlockKernel, full: BlockKernel, by: str) -> float:
    one, other = (flat(each.normalised(by).total()) for each in (kernel, full))
    return float(np.linalg.norm(one - other))


def _mean_of_permutations(kernel: np.ndarray) -> np.ndarray:
    """Return the mean of a kernel `(n, k, n, k)` over all permutations of its examples."""
    n = len(kernel)
    own = np.einsum("icid->cd", kernel) / n
    pairs = (kernel.sum((0, 2)) - n * own) / (n * (n - 1))
    mean = np.broadcast_to(pairs[None, :, None, :], kernel.shape).copy()
    for place in range(n):
        mean[place, :, place, :] = own
    return mean

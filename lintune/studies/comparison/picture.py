"""All methods in one picture: kernels from one capture, how alike they are, what they are in the mean."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lintune import spectrum
from lintune.errors import InputError
from lintune.kernels import BlockKernel, contrasts, flat, tangent_kernels
from lintune.methods import Method, count_parameters
from lintune.prompted import PromptedModel
from lintune.studies.comparison.inclusions import inclusions, stated
from lintune.studies.comparison.metric import mean_factor
from lintune.studies.zoo import likeness
from lintune.tangents import linear_weight, tunable_layers
from lintune.tasks import Examples


@dataclass(frozen=True, eq=False)
class Picture:
    """What one capture says of all methods.

    Attributes:
        likeness: Centred alignment of each two kernels, and of each with the labels.
        spectra: Eigenvalues over their sum by method, descending.
        inclusions: What `inclusions` returns of the statements of `stated`.
        means: A row per method that is a multiple of the weights in the mean; see `means`.
        parameters: How many numbers each method trains.
    """

    likeness: pd.DataFrame
    spectra: dict[str, np.ndarray]
    inclusions: pd.DataFrame
    means: pd.DataFrame
    parameters: dict[str, int]


def picture(
    prompted: PromptedModel, examples: Examples, methods: Mapping[str, Method], count: int = 3
) -> Picture:
    """Capture once, and describe the kernels of all methods.

    Args:
        prompted: The function.
        examples: n examples.
        methods: Methods by name, `weights` among them.
        count: Rows, and columns, in the names of the statements.

    Raises:
        InputError: There is no method `weights`.
    """
    if "weights" not in methods:
        raise InputError(f"methods={list(methods)} must have 'weights', which the others are held against.")
    kernels = tangent_kernels(prompted, examples, methods=methods, outputs=contrasts(prompted.classes)).train
    model = prompted.pretrained.model
    shapes = {name: tuple(linear_weight(site).shape) for name, site in tunable_layers(model).items()}
    return Picture(
        likeness(kernels, examples.labels),
        {name: _shares(kernel) for name, kernel in kernels.items()},
        inclusions(kernels, stated(count)),
        means(kernels, methods, shapes),
        {name: count_parameters(method, model) for name, method in methods.items()},
    )


def means(
    kernels: Mapping[str, BlockKernel],
    methods: Mapping[str, Method],
    shapes: Mapping[str, tuple[int, ...]],
) -> pd.DataFrame:
    """Return how kernels lie to their means over what is drawn by chance.

    The mean is the sum over layers of `mean_factor` times the kernel of the layer's weight.

    Args:
        kernels: By layer, `weights` among them.
        methods: Methods by the same names.
        shapes: `(d_out, d_in)` by layer.

    Returns:
        A row per method that has such a mean: `method`; `trace`, of the kernel over that of its mean;
        `apart`, the Frobenius norm of kernel minus mean over that of the mean, both over their traces;
        `alignment`, centred, of kernel and mean, and `weights`, of the mean and the kernel of the weights.
    """
    base = kernels["weights"]
    by_layer = dict(zip(base.layers, base.blocks, strict=True))
    rows = []
    for name, method in methods.items():
        factors = {layer: mean_factor(method, *shapes[layer]) for layer in by_layer}
        if any(factor is None for factor in factors.values()):
            continue
        mean = sum((factors[layer] or 0.0) * block for layer, block in by_layer.items())
        whole = kernels[name].total()
        expected, found = flat(np.asarray(mean)), flat(whole)
        scaled = found / np.trace(found) * np.trace(expected)
        example = spectrum.example_kernel(np.asarray(mean))
        rows.append(
            {
                "method": name,
                "trace": float(np.trace(found) / np.trace(expected)),
                "apart": float(np.linalg.norm(scaled - expected) / np.linalg.norm(expected)),
                "alignment": spectrum.alignment(spectrum.example_kernel(whole), example),
                "weights": spectrum.alignment(example, spectrum.example_kernel(base.total())),
            }
        )
    return pd.DataFrame(rows)


def between_families(table: pd.DataFrame, families: Mapping[str, str]) -> pd.DataFrame:
    """Return the mean alignment of methods of each two families, of different methods only.

    Args:
        table: Alignments by method and method; further columns are left out.
        families: Family by method.

    Returns:
        A row and a column per family; not-a-number within a family of one.
    """
    names = [name for name in table.index if name in families]
    values = table.loc[names, names].to_numpy(dtype=float, copy=True)
    np.fill_diagonal(values, np.nan)
    group = np.array([families[name] for name in names])
    titles = list(dict.fromkeys(group))
    found = [[_mean(values[np.ix_(group == left, group == right)]) for right in titles] for left in titles]
    return pd.DataFrame(found, index=titles, columns=titles)


def _shares(kernel: BlockKernel) -> np.ndarray:
    values = np.clip(spectrum.eigenvalues(flat(kernel.total())), 0, None)
    return np.asarray(values / values.sum())


def _mean(values: np.ndarray) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else float("nan")

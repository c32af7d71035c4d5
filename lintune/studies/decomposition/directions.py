"""In how many directions each form can move the outputs at first: kernels at the start, from one capture."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from lintune.kernels import TangentKernels, contrasts, flat, tangent_kernels
from lintune.methods import FLoRA, LoRA, Method, TriLoRA, Weights
from lintune.methods.shapes import matrix_shape
from lintune.prompted import PromptedModel
from lintune.tasks import Examples

# Eigenvalues below this share of the largest are rounding of float32 gradients.
ROUNDING = 1e-6


def forms(rank: int, targets: Sequence[str], seed: int = 0) -> dict[str, Method]:
    """Return the weights themselves and the three forms, by name."""
    return {
        "weights": Weights(targets),
        "LoRA": LoRA(rank=rank, targets=targets, seed=seed),
        "FLoRA": FLoRA(rank=rank, targets=targets, seed=seed),
        "TriLoRA": TriLoRA(rank=rank, targets=targets, seed=seed),
    }


def moving_first(form: str, shape: tuple[int, int], rank: int) -> int:
    """Return how many parameters of a layer have a gradient at the start; those of the others are zero."""
    d_out, d_in = shape
    return {"weights": d_out * d_in, "LoRA": rank * d_out, "FLoRA": rank**2, "TriLoRA": rank}[form]


def capture(
    prompted: PromptedModel, examples: Examples, rank: int, targets: Sequence[str], seed: int = 0
) -> TangentKernels:
    """Compute the kernels of the forms at the start, of contrasts, layer by layer."""
    return tangent_kernels(
        prompted,
        examples,
        methods=forms(rank, targets, seed),
        outputs=contrasts(prompted.classes),
    )


def directions(
    kernels: TangentKernels, prompted: PromptedModel, labels: np.ndarray, rank: int
) -> pd.DataFrame:
    """Return what each form's kernel at the start is like, for each layer and for all together.

    Args:
        kernels: As `capture` returns them.
        prompted: The function.
        labels: `(n,)` classes.
        rank: Rank r.

    Returns:
        A row per form and layer (`all` for their sum): `form`, `layer`; `parameters` that have a gradient;
        `bound`, the lesser of them and n (C - 1); `rank` of the kernel; `effective`, trace^2 / ||K||_F^2;
        `trace` over that of the weights' kernel; `reach`, the share of ||y - f||^2 that lies in the kernel's
        range and so can be learnt from the training examples while the kernel stays.
    """
    basis = contrasts(prompted.classes)
    residual = (np.eye(prompted.classes)[labels] @ basis - kernels.train_logits @ basis).ravel()
    sizes = _sizes(prompted, kernels.train["weights"].layers, rank)
    rows = []
    for form, kernel in kernels.train.items():
        grams = {**dict(zip(kernel.layers, kernel.blocks, strict=True)), "all": kernel.total()}
        whole = {**dict(zip(kernel.layers, kernels.train["weights"].blocks, strict=True))}
        whole["all"] = kernels.train["weights"].total()
        for layer, gram in grams.items():
            count = sum(sizes[form].values()) if layer == "all" else sizes[form][layer]
            row = {"form": form, "layer": layer, "parameters": count, "bound": min(count, len(residual))}
            found = _spectrum(flat(gram), residual)
            rows.append(row | found | {"trace": found["trace"] / np.trace(flat(whole[layer]))})
    return pd.DataFrame(rows)


def spectra(kernels: TangentKernels, layer: str | None = None) -> dict[str, np.ndarray]:
    """Return the eigenvalues of each form's kernel over the largest, from the largest on.

    Args:
        kernels: As `capture` returns them.
        layer: Of one layer; None for all together.
    """
    found = {}
    for form, kernel in kernels.train.items():
        gram = kernel.total() if layer is None else kernel.select(layer).total()
        values = np.linalg.eigvalsh(flat(gram))[::-1]
        found[form] = values / values[0]
    return found


def _sizes(prompted: PromptedModel, layers: Sequence[str], rank: int) -> Mapping[str, Mapping[str, int]]:
    sites = Weights(list(layers)).sites(prompted.pretrained.model)
    return {
        form: {layer: moving_first(form, matrix_shape(sites[layer]), rank) for layer in layers}
        for form in forms(rank, list(layers))
    }


def _spectrum(gram: np.ndarray, residual: np.ndarray) -> dict[str, float]:
    values, vectors = torch.linalg.eigh(torch.as_tensor(gram))
    real = values > ROUNDING * values[-1]
    met = (vectors[:, real].T @ torch.as_tensor(residual)).square().sum()
    return {
        "rank": int(real.sum()),
        "effective": float(values.sum() ** 2 / values.square().sum()),
        "trace": float(values.sum()),
        "reach": float(met) / float(residual @ residual),
    }

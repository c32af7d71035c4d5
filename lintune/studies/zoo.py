"""The kernels of many methods side by side: how like one another they are, and how exact."""

import time
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from lintune import spectrum
from lintune.errors import unknown_name
from lintune.kernels import AsymmetricSignGD, BlockKernel, SignGD, contrasts, tangent_kernels
from lintune.methods import (
    IA3,
    SSB,
    SSL,
    Columns,
    DoRA,
    FLoRA,
    Full,
    LoRA,
    Norms,
    ParallelAdapter,
    Rows,
    SingularValues,
    Tangents,
    TriLoRA,
    Weights,
)
from lintune.prompted import PromptedModel
from lintune.tasks import Examples

# Each on every linear layer of the blocks, so that they differ in nothing but the method.
ZOO: dict[str, Tangents] = {
    "all parameters": Full(),
    "all weights": Weights(),
    "norms": Norms(),
    "rows": Rows(3),
    "columns": Columns(3),
    "LoRA, rank 2": LoRA(2, targets=None),
    "LoRA, rank 8": LoRA(8, targets=None),
    "LoRA, rank 64": LoRA(64, targets=None),
    "DoRA": DoRA(8, targets=None),
    "parallel adapter": ParallelAdapter(8, targets=None),
    "FLoRA": FLoRA(8, targets=None),
    "TriLoRA": TriLoRA(8, targets=None),
    "IA3": IA3(targets=("*",), feedforward=()),
    "SSL": SSL(),
    "SSB": SSB(),
    "singular values": SingularValues(),
    "LoRA, rank 8, SignGD": SignGD(LoRA(8, targets=None)),
    "LoRA, rank 8, asymmetric": AsymmetricSignGD(LoRA(8, targets=None)),
    "all weights, SignGD": SignGD(Weights()),
}


def zoo(names: Sequence[str] | None = None) -> dict[str, Tangents]:
    """Return methods of the zoo by name; all of them where no names are given.

    Raises:
        InputError: A name is not in the zoo.
    """
    for name in names or ():
        if name not in ZOO:
            raise unknown_name("methods", name, ZOO)
    return {name: ZOO[name] for name in (names or ZOO)}


def likeness(kernels: Mapping[str, BlockKernel], labels: np.ndarray) -> pd.DataFrame:
    """Return the centred alignment of each two kernels, and of each with the labels.

    Args:
        kernels: Kernels `(n, k, n, k)` of the same n examples by name; they enter by their trace over
            outputs, asymmetric ones by their symmetric part.
        labels: `(n,)` classes.

    Returns:
        A row per kernel; a column per kernel, and `labels`.
    """
    grams = {name: spectrum.example_kernel(kernel.total()) for name, kernel in kernels.items()}
    grams = {name: (gram + gram.T) / 2 for name, gram in grams.items()}
    others = grams | {"labels": spectrum.label_kernel(labels)}
    return pd.DataFrame(
        {
            other: [spectrum.alignment(gram, against) for gram in grams.values()]
            for other, against in others.items()
        },
        index=list(grams),
    )


def seconds_for(prompted: PromptedModel, examples: Examples, methods: Mapping[str, Tangents]) -> float:
    """Return the seconds of wall time that the kernels of some methods take, from one capture."""
    started = time.perf_counter()
    tangent_kernels(prompted, examples, methods=methods, outputs=contrasts(prompted.classes))
    return time.perf_counter() - started


def rounding(
    exact: PromptedModel, others: Mapping[str, PromptedModel], examples: Examples, method: Tangents
) -> dict[str, float]:
    """Return how far kernels in other precisions are from that in float64, in relative Frobenius norm.

    Args:
        exact: The function with its model in float64.
        others: The same function with its model in other types, by name.
        examples: A few examples.
        method: The method.
    """
    totals = {
        name: tangent_kernels(prompted, examples, methods=[method], by_layer=False).train[method.name].total()
        for name, prompted in {"exact": exact, **others}.items()
    }
    truth = totals.pop("exact")
    return {
        name: float(np.linalg.norm(total - truth) / np.linalg.norm(truth)) for name, total in totals.items()
    }


def autograd_kernel(prompted: PromptedModel, examples: Examples) -> np.ndarray:
    """Return the kernel of all parameters the slow way: every gradient written out, one example at a time.

    Args:
        prompted: The function; its parameters ask for gradients while this runs.
        examples: n examples, few enough for n times k gradients of the size of the model.

    Returns:
        `(n, k, n, k)` float64, of the contrasts of the logits.
    """
    model = prompted.pretrained.model
    basis = torch.as_tensor(contrasts(prompted.classes), device=prompted.device)
    parameters = list(model.parameters())
    gradients = []
    model.requires_grad_(True)
    try:
        for prompt in prompted.encode(examples):
            outputs = prompted.logits(prompted.lay_out([prompt]))[0] @ basis.to(model.dtype)
            for output in outputs:
                found = torch.autograd.grad(output, parameters, retain_graph=True)
                gradients.append(torch.cat([part.flatten() for part in found]))
    finally:
        model.requires_grad_(False)
    products = [
        [float(torch.dot(left.double(), right.double())) for right in gradients] for left in gradients
    ]
    n, k = len(examples), basis.shape[1]
    return np.array(products).reshape(n, k, n, k)

"""Kernels of randomly projected gradients: cheaper than the exact ones, with a stated error.

The gradient of an example for a weight is a sum over tokens of outer products g x^T. With Gaussian
matrices P and Q of variance 1/size, the gradient (Q g)(P x)^T of a smaller weight has the same inner
products on average, as both sides are drawn independently. Independent repeats give the error.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from transformers import PreTrainedModel

from lintune.errors import InputError
from lintune.kernels.block import BlockKernel
from lintune.kernels.engine import tangent_kernels
from lintune.kernels.optimisers import signs
from lintune.methods import Form, Outer, Tangents, draws
from lintune.prompted import Classifier
from lintune.tangents import Site, Tap
from lintune.tasks import Examples


@dataclass(frozen=True)
class Projected:
    """A method whose gradients are projected at random on both sides, layer by layer.

    A side no larger than its projection stays as it is, and so do look-ups and gradients that are
    vectors: they are exact.

    Attributes:
        method: The method.
        input_size: Size of the projected inputs.
        gradient_size: Size of the projected output gradients.
        seed: Seed of the projections, which also depend on the layer's name.
    """

    method: Tangents
    input_size: int = 64
    gradient_size: int = 64
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse sizes that are none, and methods that enter by signs.

        Raises:
            InputError: A size below 1, or a method of an optimiser: signs do not survive a projection.
        """
        for argument, size in (("inputs", self.input_size), ("gradients", self.gradient_size)):
            if size < 1:
                raise InputError(f"{argument}={size} must be at least 1.")
        if any(signs(self.method)):
            raise InputError(f"method={self.method.name!r} enters by signs, which cannot be projected.")

    @property
    def name(self) -> str:
        """The method's name, with the sizes and the seed."""
        return f"{self.method.name}-projected-{self.input_size}x{self.gradient_size}-{self.seed}"

    def sites(self, model: PreTrainedModel) -> Mapping[str, Site]:
        """Return the method's sites."""
        return self.method.sites(model)

    def gradients(self, tap: Tap) -> Sequence[Form]:
        """Return the method's gradients, projected."""
        forms = enumerate(self.method.gradients(tap))
        return [self._projected(form, f"{tap.name} {place}") for place, form in forms]

    def parameters(self, site: Site) -> int:
        """Return the method's number of parameters."""
        return self.method.parameters(site)

    def _projected(self, form: Form, key: str) -> Form:
        if not isinstance(form, Outer):
            return form
        x = form.x if form.x.ndim == 1 else self._side(form.x, self.input_size, f"{key} inputs")
        return Outer(x, self._side(form.g, self.gradient_size, f"{key} gradients"), form.lengths)

    def _side(self, values: torch.Tensor, size: int, key: str) -> torch.Tensor:
        """Return vectors `(..., d)` projected to `(..., size)`."""
        d = values.shape[-1]
        if d <= size:
            return values
        return values @ (draws.gaussian(self.seed, key, (size, d)) / math.sqrt(size)).to(values).T


@dataclass(frozen=True)
class ProjectedKernels:
    """Estimates of kernels, and how far they are from the exact ones.

    An error is relative: the Frobenius norm of the standard errors of the mean over repeats, entry by
    entry of the kernel summed over layers, over the Frobenius norm of the mean.

    Attributes:
        train: Mean over repeats of the kernel `(n, k, n, k)` of the training examples.
        cross: Mean of the kernel `(n, k, m, k)` between training and other examples; m = 0 if none.
        train_error: Estimated relative error of `train`; 0 to rounding where nothing was projected.
        cross_error: Estimated relative error of `cross`; nan where there are no others.
        train_logits: `(n, C)` float64 logits of the training examples.
        cross_logits: `(m, C)` float64 logits of the other examples.
    """

    train: BlockKernel
    cross: BlockKernel
    train_error: float
    cross_error: float
    train_logits: np.ndarray
    cross_logits: np.ndarray


def projected_kernels(
    prompted: Classifier,
    train: Examples,
    others: Examples | None = None,
    *,
    method: Tangents,
    outputs: np.ndarray | None = None,
    inputs: int = 64,
    gradients: int = 64,
    repeats: int = 4,
    seed: int = 0,
    by_layer: bool = True,
    batch_tokens: int = 1024,
    memory: int = 6_000_000_000,
    recompute: bool | None = None,
) -> ProjectedKernels:
    """Estimate a method's tangent kernel from randomly projected gradients, without bias.

    All repeats come from the same pass over the data. Each takes as much memory as one kernel.

    Args:
        prompted: The function.
        train: n examples.
        others: m more examples, of which only the kernel with the training examples is wanted.
        method: The method; none that enters by signs.
        outputs: `(C, k)` combinations of the logits; None for the C logits.
        inputs: Size to which a layer's inputs are projected.
        gradients: Size to which a layer's output gradients are projected.
        repeats: Independent draws R, at least 2; the error falls with the square root of R.
        seed: Seed of the draws.
        by_layer: Keep one block per layer; otherwise only their sum, as the one block `all`.
        batch_tokens: Most tokens in one forward pass.
        memory: Bytes that the examples of a pass may keep, beside the model and the kernels themselves.
        recompute: Whether blocks are run again in the backward walk; None where it is needed.

    Raises:
        InputError: Fewer than 2 repeats, a size below 1, or what `tangent_kernels` refuses.
    """
    if repeats < 2:
        raise InputError(f"repeats={repeats} must be at least 2: the error comes from their differences.")
    found = tangent_kernels(
        prompted,
        train,
        others,
        methods={f"{r}": Projected(method, inputs, gradients, _seed(seed, r)) for r in range(repeats)},
        outputs=outputs,
        by_layer=by_layer,
        batch_tokens=batch_tokens,
        memory=memory,
        recompute=recompute,
    )
    own, own_error = _mean([found.train[f"{r}"] for r in range(repeats)])
    cross, cross_error = _mean([found.cross[f"{r}"] for r in range(repeats)])
    return ProjectedKernels(own, cross, own_error, cross_error, found.train_logits, found.cross_logits)


def _seed(seed: int, repeat: int) -> int:
    """Return the seed of one repeat: no two of small seeds and repeats share one."""
    return seed * 1_000_003 + repeat


def _mean(kernels: Sequence[BlockKernel]) -> tuple[BlockKernel, float]:
    """Return the mean kernel and the estimate of its relative error."""
    layers = kernels[0].layers
    blocks = np.zeros_like(kernels[0].blocks)
    for kernel in kernels:
        blocks += kernel.blocks / len(kernels)
    mean = BlockKernel(layers, blocks)
    total = mean.total()
    squares = sum(float(np.square(kernel.total() - total).sum()) for kernel in kernels)
    norm = float(np.linalg.norm(total))
    if norm == 0.0:
        return mean, math.nan
    return mean, math.sqrt(squares / (len(kernels) - 1) / len(kernels)) / norm

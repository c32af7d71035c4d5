"""LoRA's kernels for many draws of A beside the kernel of the weights, from one capture."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from lintune import theory
from lintune.kernels import BlockKernel, contrasts, flat, tangent_kernels
from lintune.kernels.engine import check_outputs
from lintune.kernels.walk import Walk
from lintune.methods import LoRA, Weights
from lintune.methods.shapes import matrix_shape
from lintune.prompted import PromptedModel
from lintune.tangents import LinearTap, in_order
from lintune.tasks import Examples
from lintune.theory import Moments

Draw = tuple[str, int, int]  # distribution, rank, seed


@dataclass(frozen=True)
class Measured:
    """Projected kernels of N = n k gradients, beside the exact one and its moments.

    Attributes:
        layers: Names of L layers.
        widths: `(L,)` numbers of inputs.
        weights: `(L, N, N)` kernel of the weights.
        projected: `(L, N, N)` unbiased kernels of LoRA by distribution, rank and seed.
        moments: Of the products of gradients, by layer in the same order.
    """

    layers: tuple[str, ...]
    widths: np.ndarray
    weights: np.ndarray
    projected: dict[Draw, np.ndarray]
    moments: list[Moments]

    def variances(self, distribution: str, rank: int) -> np.ndarray:
        """Return the exact variances `(L, N, N)` of the entries."""
        return np.array([theory.projected_variance(each, rank, distribution) for each in self.moments])


def measure(
    prompted: PromptedModel,
    examples: Examples,
    targets: Sequence[str],
    distributions: Sequence[str],
    ranks: Sequence[int],
    seeds: Sequence[int],
) -> Measured:
    """Take the kernels of the weights and of LoRA with many draws of A from one capture, and the moments.

    Args:
        prompted: The function; kernels are taken of the contrasts of its logits.
        examples: n examples.
        targets: Patterns of the layers' names.
        distributions: Of A, by their names in `lintune.methods.draws.DOWN`.
        ranks: Ranks of LoRA.
        seeds: Draws of A.

    Raises:
        InputError: A distribution is not known, or a layer is smaller than a rank.
    """
    widths = layer_widths(prompted, targets)
    draws = [(name, rank, seed) for name in distributions for rank in ranks for seed in seeds]
    found = captured(prompted, examples, None, targets, draws)[0]
    order = found["weights"].layers
    moments = layer_moments(prompted, examples, targets)
    return Measured(
        order,
        np.array([widths[layer] for layer in order]),
        flat_blocks(found["weights"]),
        {draw: flat_blocks(found[label(draw)]) for draw in draws},
        [moments[layer] for layer in order],
    )


def captured(
    prompted: PromptedModel,
    train: Examples,
    others: Examples | None,
    targets: Sequence[str],
    draws: Sequence[Draw],
) -> tuple[dict[str, BlockKernel], dict[str, BlockKernel], np.ndarray, np.ndarray]:
    """Return kernels among training examples and with others, LoRA's unbiased, and the logits of both.

    Kernels go by `weights` and by distribution, rank and seed.
    """
    # With alpha = r the factor of a layer is r / (3 d).
    adapters = {
        label(draw): LoRA(draw[1], draw[1], list(targets), draw[2], distribution=draw[0]) for draw in draws
    }
    found = tangent_kernels(
        prompted,
        train,
        others,
        methods={"weights": Weights(list(targets)), **adapters},
        outputs=contrasts(prompted.classes),
    )
    widths = layer_widths(prompted, targets)
    for name, adapter in adapters.items():
        factors = {
            layer: 1 / theory.expected_factor(adapter.alpha, adapter.rank, d) for layer, d in widths.items()
        }
        for kernels in (found.train, found.cross):
            kernels[name] = rescaled(kernels[name], factors)
    return found.train, found.cross, found.train_logits, found.cross_logits


def layer_widths(prompted: PromptedModel, targets: Sequence[str]) -> dict[str, int]:
    """Return the number of inputs of each targeted layer by name."""
    sites = Weights(list(targets)).sites(prompted.pretrained.model)
    return {name: matrix_shape(site)[1] for name, site in sites.items()}


def layer_moments(
    prompted: PromptedModel, examples: Examples, targets: Sequence[str], batch_tokens: int = 1024
) -> dict[str, Moments]:
    """Return the moments of each targeted layer's gradients by name, from one walk over the model."""
    model = prompted.pretrained.model
    sites = in_order(model, Weights(list(targets)).sites(model))
    outputs = check_outputs(prompted, contrasts(prompted.classes))
    walk = Walk(
        prompted, prompted.encode(examples), sites, outputs, batch_tokens=batch_tokens, recompute=False
    )
    found = {}
    for taps in walk:
        for name, tap in taps.items():
            assert isinstance(tap, LinearTap)
            found[name] = theory.token_moments(tap.x, tap.g, tap.lengths)
        del taps
    return found


def rescaled(kernel: BlockKernel, factors: Mapping[str, float]) -> BlockKernel:
    """Return a kernel with each layer's block multiplied by its factor."""
    by_layer = np.array([factors[layer] for layer in kernel.layers])
    return BlockKernel(kernel.layers, kernel.blocks * by_layer[:, None, None, None, None])


def flat_blocks(kernel: BlockKernel) -> np.ndarray:
    """Return the blocks as matrices `(L, n k, m k)`."""
    return np.array([flat(block) for block in kernel.blocks])


def label(draw: Draw) -> str:
    """Return the name of a draw."""
    return " ".join(map(str, draw))

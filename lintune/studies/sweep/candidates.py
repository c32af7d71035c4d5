"""The candidates of the sweep: few enough to train all, spread over what the advisor chooses among."""

import math

from transformers import PreTrainedModel

from lintune.advise.candidates import Candidate, fitting
from lintune.advise.layers import Layers, has_usual_layers
from lintune.tangents import blocks_of


def default(model: PreTrainedModel) -> Candidate:
    """Return what most people train: LoRA of rank 8 in the usual layers of all blocks."""
    return Candidate((0, len(blocks_of(model))), "usual" if has_usual_layers(model) else "all")


def chosen(model: PreTrainedModel) -> tuple[Candidate, ...]:
    """Return the candidates that are trained, those of the same blocks one after the other.

    Every axis is varied where training is cheap (in the last tenth of the blocks), and the others along it:
    layers, rank, alpha, pull and method. The usual default is among them.

    Args:
        model: The model.

    Raises:
        InputError: Nothing fits.
    """
    total = len(blocks_of(model))
    usual: Layers = "usual" if has_usual_layers(model) else "all"
    last, low, quarter, half = (
        (total - math.ceil(total * share), total) for share in (1 / total, 0.1, 0.25, 0.5)
    )
    middle, every = (total // 3, total - total // 3), (0, total)
    found = [
        Candidate(last),
        *_ranks(low, usual),
        *_ranks(low, "all"),
        *(Candidate(low, alpha=alpha) for alpha in (4.0, 64.0)),
        Candidate(low, pull=1.0),
        *_others(low),
        Candidate(quarter, usual),
        *_ranks(quarter, "all"),
        Candidate(quarter, pull=1.0),
        *_others(quarter),
        Candidate(half),
        Candidate(middle),
        default(model),
        Candidate(every),
        _others(every)[0],
    ]
    return fitting(model, found)


def _ranks(blocks: tuple[int, int], layers: Layers) -> list[Candidate]:
    return [Candidate(blocks, layers, rank=rank, alpha=2.0 * rank) for rank in (2, 8, 32)]


def _others(blocks: tuple[int, int]) -> list[Candidate]:
    return [
        Candidate(blocks, kind="ia3", rank=0, alpha=0.0),
        Candidate(blocks, kind="rows", rank=3, alpha=0.0),
    ]

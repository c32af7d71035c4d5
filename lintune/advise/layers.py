"""Which layers a candidate tunes: a run of blocks, and in them all linear layers or peft's usual ones."""

import math
from typing import Literal

from transformers import PreTrainedModel

from lintune.errors import InputError
from lintune.tangents import blocks_of, tunable_layers

Layers = Literal["usual", "all"]


def layers_in(model: PreTrainedModel, blocks: tuple[int, int], layers: Layers) -> tuple[str, ...]:
    """Return the names of the linear layers of a candidate.

    Args:
        model: The model.
        blocks: The first block and the one after the last, counted from the input.
        layers: `all` linear layers of these blocks, or the `usual` ones: those in which peft puts LoRA
            unless told otherwise (queries and values, in most architectures).

    Raises:
        InputError: There are no such blocks, peft has no usual layers for this architecture, or the blocks
            have no such layers.
    """
    first, end = blocks
    total = len(blocks_of(model))
    if not 0 <= first < end <= total:
        raise InputError(f"blocks={blocks} must be a run within the model's {total} blocks.")
    wanted = None if layers == "all" else usual_layers(model)
    found = tuple(
        name
        for name, site in tunable_layers(model).items()
        if site.block is not None
        and first <= site.block < end
        and (wanted is None or name.rpartition(".")[2] in wanted)
    )
    if not found:
        which = "linear layers" if wanted is None else f"layers called {' or '.join(wanted)}"
        raise InputError(f"blocks={blocks} of {type(model).__name__} have no {which} to tune.")
    return found


def usual_layers(model: PreTrainedModel) -> tuple[str, ...]:
    """Return the last parts of the names of the layers in which peft puts LoRA unless told otherwise.

    Raises:
        InputError: peft knows none for this architecture, or the model has none of them.
    """
    from peft.utils.constants import TRANSFORMERS_MODELS_TO_LORA_TARGET_MODULES_MAPPING as USUAL

    kind = model.config.model_type
    here = {name.rpartition(".")[2] for name in tunable_layers(model)}
    found = tuple(name for name in USUAL.get(kind, ()) if name in here)
    if not found:
        raise InputError(
            f"layers='usual': peft has no usual layers for the architecture {kind!r}; use layers='all'."
        )
    return found


def has_usual_layers(model: PreTrainedModel) -> bool:
    """Return whether peft has usual layers for this architecture, and they are not all there are."""
    try:
        usual = usual_layers(model)
    except InputError:
        return False
    return {name.rpartition(".")[2] for name in tunable_layers(model)} != set(usual)


def runs(total: int) -> tuple[tuple[int, int], ...]:
    """Return the runs of blocks that are worth asking about in a model of so many blocks.

    They are the last one, the last tenth, the last quarter, the last half, the middle third, and all.
    """
    top = [total - math.ceil(total * share) for share in (1 / total, 0.1, 0.25, 0.5, 1.0)]
    middle = (total // 3, total - total // 3)
    return tuple(dict.fromkeys([*((first, total) for first in top[:-1]), middle, (0, total)]))

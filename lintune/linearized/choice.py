"""How the Jacobian of some examples is known: stored where that pays, by passes through the network else."""

import torch

from lintune.errors import InputError
from lintune.linearized.features import StoredTangent, Tangent, jacobian, jacobian_bytes
from lintune.linearized.primal import TangentModel
from lintune.methods.attached import Attached, Prepared


def tangent_of(
    attached: Attached, prepared: Prepared, *, often: bool, memory: int = 4_000_000_000
) -> Tangent:
    """Return what J does to vectors: stored where it is used often and fits, or must be; else by passes.

    Args:
        attached: The function.
        prepared: The examples.
        often: Whether it is used at every step, and not now and then.
        memory: Most bytes that a stored Jacobian may take.

    Raises:
        InputError: The model has no forward-mode derivative, and the Jacobian would not fit in memory.
    """
    passes = TangentModel(attached, prepared)
    if (not often or jacobian_bytes(attached, prepared) > memory) and _has_forward_mode(passes, attached):
        return passes
    outputs = attached.outputs_on(attached.start, prepared)
    return StoredTangent(jacobian(attached, prepared, memory=memory), outputs)


def _has_forward_mode(passes: TangentModel, attached: Attached) -> bool:
    try:
        passes.pushed({name: torch.zeros_like(value) for name, value in attached.start.items()}, [0])
    except InputError:
        return False
    return True

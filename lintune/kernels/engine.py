"""Tangent kernels of many methods from the same passes over the data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from tqdm.auto import tqdm

from lintune.errors import InputError
from lintune.kernels import ranks
from lintune.kernels.block import BlockKernel
from lintune.kernels.plan import passes
from lintune.kernels.result import Result
from lintune.kernels.walk import Walk
from lintune.kernels.work import Work
from lintune.methods import Tangents
from lintune.methods.attached import Prepared
from lintune.prompted import Classifier, Encoded
from lintune.tangents.prefix import Prefix
from lintune.tasks import Examples


@dataclass(frozen=True)
class TangentKernels:
    """Kernels among training examples and between them and others, with the logits of both.

    Attributes:
        train: Kernel `(n, k, n, k)` of the training examples by method name.
        cross: Kernel `(n, k, m, k)` between training and other examples by method name.
        train_logits: `(n, C)` float64 logits of the training examples.
        cross_logits: `(m, C)` float64 logits of the other examples; m = 0 where there are none.
    """

    train: dict[str, BlockKernel]
    cross: dict[str, BlockKernel]
    train_logits: np.ndarray
    cross_logits: np.ndarray


def tangent_kernels(
    prompted: Classifier,
    train: Examples,
    others: Examples | None = None,
    *,
    methods: Sequence[Tangents] | Mapping[str, Tangents],
    outputs: np.ndarray | None = None,
    by_layer: bool = True,
    batch_tokens: int = 1024,
    memory: int = 6_000_000_000,
    recompute: bool | None = None,
    prepared: tuple[Prepared, Prepared] | None = None,
) -> TangentKernels:
    """Compute the exact tangent kernels of several methods at the pretrained weights.

    Every example goes through one forward pass and k backward passes. The backward passes of all examples
    are walked together, block by block of the model; each block's share of every kernel is computed when
    the walk is there, and what it took is freed. Nothing of the size of examples times parameters is ever
    stored. Where even that does not fit in `memory`, pairs of parts of the examples are taken one after
    the other.

    Where torch.distributed has been initialised, processes share the work, and each returns all of it; all
    of them must be given the same.

    Args:
        prompted: The function.
        train: n examples.
        others: m more examples, of which only the kernel with the training examples is wanted.
        methods: Methods with distinct names, or methods by the names to use.
        outputs: `(C, k)` combinations of the logits whose kernel is wanted, such as `contrasts(C)`; None
            for the kernel of all C logits. The work grows with k.
        by_layer: Keep one block per layer; otherwise only their sum, as the one block `all`.
        batch_tokens: Most tokens in one forward pass.
        memory: Bytes that the examples of a pass may keep, beside the model and the kernels themselves.
        recompute: Keep only the inputs of the model's blocks and run each block again in the backward
            walk: less memory for a third more work. None to do so where the graphs do not fit.
        prepared: `train` and `others` with the states that leave the blocks below all tuned ones, as
            `Attached.prepare` gives them: those blocks are not run again.

    Returns:
        The kernels, accumulated in float64, and the logits.

    Raises:
        InputError: No methods, two of one name, no examples, outputs of the wrong shape, a method that
            targets no layer or does not fit one, states of other examples or of another depth, or
            something that is not the same on all processes.
        LostError: Another process ended or did not answer.
    """
    names = list(methods) if isinstance(methods, Mapping) else [method.name for method in methods]
    if not names or len(set(names)) != len(names):
        raise InputError(f"methods={names} must be at least one, with distinct names.")
    named = dict(zip(names, methods.values() if isinstance(methods, Mapping) else methods, strict=True))
    if len(train) == 0 or (others is not None and len(others) == 0):
        raise InputError("train and others must hold at least one example.")
    for argument, value in (("batch_tokens", batch_tokens), ("memory", memory)):
        if value < 1:
            raise InputError(f"{argument}={value} must be at least 1.")
    combined = check_outputs(prompted, outputs)
    work = Work(prompted, named, combined.shape[1], by_layer)
    states: list[torch.Tensor] = []
    prefix = None
    if prepared is None:
        encoded = prompted.encode(train) + ([] if others is None else prompted.encode(others))
    else:
        prefix = Prefix(prompted, work.sites.values())
        encoded, states = _given(prompted, prepared, prefix.depth, (train, others))
    _check_alike(prompted, encoded, work, (combined.tolist(), batch_tokens, memory, recompute))
    model, sizes = prompted.pretrained.model, [len(prompt.ids) for prompt in encoded]
    planned = passes(model, work.sites, sizes, len(train), combined.shape[1], memory, recompute)
    result = Result(work.blocks, len(train), len(encoded), combined.shape[1])
    logits = np.zeros((len(encoded), prompted.classes))
    with tqdm(total=len(planned), desc="tangent kernels", unit="stage", leave=False) as bar:
        for each in planned:
            prompts = [encoded[place] for place in each.places]
            walk = Walk(
                prompted,
                prompts,
                work.sites,
                combined,
                batch_tokens=batch_tokens,
                recompute=each.recompute,
                prefix=prefix,
                states=[states[place] for place in each.places] if states else [],
            )
            bar.total = walk.stages * len(planned)
            logits[each.places] = walk.logits
            work.contract(walk, each, result, bar)
    return TangentKernels(result.train(), result.cross(), logits[: len(train)], logits[len(train) :])


def _given(
    prompted: Classifier,
    prepared: tuple[Prepared, Prepared],
    depth: int,
    examples: tuple[Examples, Examples | None],
) -> tuple[list[Encoded], list[torch.Tensor]]:
    """Return the prompts of training and other examples with the states that leave the frozen blocks."""
    for each, given in zip(prepared, examples, strict=True):
        if each.depth != depth or given is None or len(each) != len(given):
            raise InputError(
                f"prepared holds {len(each)} examples with {each.depth} frozen blocks; for these methods and "
                f"examples it must be {0 if given is None else len(given)} with {depth}."
            )
        if list(each.prompts) != prompted.encode(given):
            raise InputError("prepared holds other examples, or in another order: their prompts differ.")
    prompts = [prompt for each in prepared for prompt in each.prompts]
    return prompts, [state for each in prepared for state in each.states]


def _check_alike(prompted: Classifier, encoded: list[Encoded], work: Work, settings: object) -> None:
    """Refuse what several processes could not compute together."""
    given = {
        "the model's weights": prompted.pretrained.weights,
        "the examples, as tokens": repr(encoded),
        "the layers of the methods": repr(work.blocks),
        "the outputs, or sizes of batches and memory": repr(settings),
    }
    ranks.check_alike(given, prompted.device)


def check_outputs(prompted: Classifier, outputs: np.ndarray | None) -> torch.Tensor:
    """Return the combinations of logits to differentiate, `(C, k)`, on the model's device.

    Raises:
        InputError: The outputs have another number of rows than there are logits.
    """
    combined = np.eye(prompted.classes) if outputs is None else np.asarray(outputs, dtype=float)
    if combined.ndim != 2 or len(combined) != prompted.classes or combined.shape[1] == 0:
        raise InputError(
            f"outputs of shape {combined.shape} must have one row for each of {prompted.classes} logits."
        )
    if not np.isfinite(combined).all():
        raise InputError("outputs must be finite numbers.")
    return torch.as_tensor(combined, device=prompted.device)

"""Kernels from states that are known already: the same kernels, and frozen blocks are not run."""

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.kernels import AsymmetricSignGD, TangentKernels, tangent_kernels
from lintune.methods import LoRA, Weights
from lintune.methods.attached import Attached
from lintune.prompted import PromptedModel
from lintune.tangents import blocks_of, top_layers
from lintune.tasks import Examples, Prompt
from tests.tiny import ARCHITECTURES, pretrained

PROMPT = Prompt("{text} . it was {label} .", ("terrible", "great", "dull"))

# Soft-capped and ALiBi attention take their softmax in float32 always.
TOLERANCE = {"gemma2-softcap": 1e-5, "bloom-alibi": 1e-5}


def examples(*texts: str) -> Examples:
    return Examples.from_fields([{"text": text} for text in texts])


TRAIN = examples("a good film", "the plot was very long and not funny", "dull")
OTHERS = examples("one great story of two bright actor", "sad music")


def kernels(prompted: PromptedModel, known: bool, memory: int = 6_000_000_000) -> TangentKernels:
    method = Weights(top_layers(prompted.pretrained.model, 1))
    attached = Attached(prompted, method)
    return tangent_kernels(
        prompted,
        TRAIN,
        OTHERS,
        methods={"sgd": method, "sign": AsymmetricSignGD(method), "lora": LoRA(2, 4, method.targets)},
        batch_tokens=16,
        memory=memory,
        prepared=(attached.prepare(TRAIN), attached.prepare(OTHERS)) if known else None,
    )


@pytest.mark.parametrize("name", ARCHITECTURES)
@pytest.mark.parametrize("memory", [6_000_000_000, 1])
def test_known_states_change_nothing(name: str, memory: int) -> None:
    prompted = PromptedModel(pretrained(name), PROMPT, longest=32)
    slow, fast = kernels(prompted, False, memory), kernels(prompted, True, memory)
    for method in slow.train:
        for side in ("train", "cross"):
            expected, found = (getattr(each, side)[method].total() for each in (slow, fast))
            assert np.abs(expected - found).max() <= TOLERANCE.get(name, 1e-9) * np.abs(expected).max()
    np.testing.assert_allclose(slow.cross_logits, fast.cross_logits, rtol=0, atol=TOLERANCE.get(name, 1e-9))


def test_frozen_blocks_are_not_run_again() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    attached = Attached(prompted, Weights(top_layers(prompted.pretrained.model, 1)))
    given = (attached.prepare(TRAIN), attached.prepare(OTHERS))
    attached.outputs_on(attached.start, given[0])
    calls = []
    lowest = blocks_of(prompted.pretrained.model)[0].get_submodule("self_attn")
    handle = lowest.register_forward_hook(lambda *_: calls.append(1))
    try:
        tangent_kernels(prompted, TRAIN, OTHERS, methods=[attached.method], prepared=given)
        assert len(calls) <= 1  # the first batch shows the form of a block's output
        tangent_kernels(prompted, TRAIN, OTHERS, methods=[attached.method])
        assert len(calls) > 1
    finally:
        handle.remove()


def test_states_of_other_examples_or_of_another_depth_are_refused() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    attached = Attached(prompted, Weights(top_layers(prompted.pretrained.model, 1)))
    train, others = attached.prepare(TRAIN), attached.prepare(OTHERS)
    with pytest.raises(InputError, match="prepared holds 2 examples"):
        tangent_kernels(prompted, TRAIN, OTHERS, methods=[attached.method], prepared=(others, train))
    swapped = (train.take([1, 0, 2]), others)
    with pytest.raises(InputError, match="other examples, or in another order"):
        tangent_kernels(prompted, TRAIN, OTHERS, methods=[attached.method], prepared=swapped)
    with pytest.raises(InputError, match="with 1 frozen blocks.*must be 3 with 0"):
        tangent_kernels(prompted, TRAIN, OTHERS, methods=[Weights()], prepared=(train, others))

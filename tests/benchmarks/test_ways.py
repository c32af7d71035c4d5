"""Every way computes the same kernel; those whose library is not installed are left out."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.compare import error
from benchmarks.inputs import Inputs
from benchmarks.reference import reference
from benchmarks.settings import Setting, tune
from benchmarks.ways import WAYS, Options
from lintune.prompted import PromptedModel
from lintune.tasks import Examples, Prompt
from tests import tiny

TEXTS = ["the film was very good", "a dull plot", "it is not a bad story , of one actor"]
SETTINGS = {"full": Setting("full"), "lora": Setting("lora", rank=4), "top": Setting("full", top=1)}
APPROXIMATE = {"trak": 0.3}
SMALL = {name: way for name, way in WAYS.items() if name != "lintune_all"}  # its ranks need larger layers
# The variants for so few texts, and chunks that do not divide them.
SINGLES = [(name, options) for name, way in SMALL.items() for options in way.variants_for(len(TEXTS))]
SINGLES += [(name, {"chunk": 2}) for name, way in SMALL.items() if "chunk" in way.variants[0]]


def inputs() -> Inputs:
    """Return inputs of a fresh model: ways change what they are given."""
    shared = tiny.pretrained("llama", torch.float32)
    prompt = Prompt("{text} it was {label}", ("bad", "good"))
    prompted = PromptedModel(replace(shared, model=copy.deepcopy(shared.model)), prompt, longest=32)
    examples = Examples.from_fields([{"text": text} for text in TEXTS])
    return Inputs(prompted, examples, [torch.tensor(prompt.ids) for prompt in prompted.encode(examples)])


@pytest.fixture(scope="module")
def references() -> dict[str, np.ndarray]:
    return {name: reference(setting, inputs()).numpy() for name, setting in SETTINGS.items()}


@pytest.mark.parametrize("setting", SETTINGS)
@pytest.mark.parametrize(("name", "options"), SINGLES)
def test_a_way_gives_the_rows_of_the_kernel(
    name: str, options: Options, setting: str, references: dict[str, np.ndarray]
) -> None:
    given = inputs()
    try:
        call = WAYS[name].prepare(SETTINGS[setting], given, options)
    except ModuleNotFoundError as missing:
        pytest.skip(f"not installed: {missing.name}")
    kernel = call().detach().numpy()
    assert kernel.shape[1] == len(TEXTS)
    if name == "bare":
        assert len(kernel) == 0
    else:
        off = error(kernel, references[setting])
        assert off is not None
        assert off < APPROXIMATE.get(name, 1e-5)


def test_peers_and_lintune_tune_the_same_function() -> None:
    theirs, ours = inputs(), inputs()
    tuned = tune(SETTINGS["lora"], theirs)
    WAYS["lintune"].prepare(SETTINGS["lora"], ours, {})
    batch = theirs.chunk(range(len(TEXTS)))
    logits = ours.prompted.predict(ours.examples).float()
    contrast = logits @ torch.tensor([1.0, -1.0]) / 2**0.5
    found = tuned.function(batch.ids, batch.last).detach()
    assert torch.allclose(found, contrast, atol=1e-4)


def test_only_the_tuned_weights_ask_for_gradients() -> None:
    tuned = tune(SETTINGS["top"], inputs())
    asking = {name for name, weight in tuned.function.named_parameters() if weight.requires_grad}
    assert asking == set(tuned.parameters)
    assert all(".layers.1." in name for name in asking)


def test_chunks_hold_every_sentence_once_and_shortest_first() -> None:
    given = inputs()
    chunks = given.chunks(2)
    assert sorted(torch.cat([each.places for each in chunks]).tolist()) == [0, 1, 2]
    assert [each.ids.shape[1] for each in chunks] == sorted(each.ids.shape[1] for each in chunks)
    for each in chunks:
        for row, place in enumerate(each.places.tolist()):
            length = int(each.last[row]) + 1
            assert torch.equal(each.ids[row, :length], given.sentences[place])

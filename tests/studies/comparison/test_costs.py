"""Costs: memory is counted alike every time, and grows by what a method must hold."""

import pytest
import torch

from lintune.descent import Recipe
from lintune.errors import InputError
from lintune.finetune import Setup
from lintune.methods import LoRA, Method, SingularValues, Weights, count_parameters
from lintune.prompted import PromptedModel
from lintune.studies.comparison import peak_bytes, seconds_per_step
from lintune.tasks import FewShot
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

RECIPE = Recipe(1e-3, 2, loss="cross-entropy", optimiser="adam", batch=4)
METHODS: dict[str, Method] = {"weights": Weights(("*.1.*",)), "LoRA": LoRA(2, 4.0, ("*.1.*",))}


@pytest.fixture(scope="module")
def setup() -> Setup:
    prompted = PromptedModel(pretrained("llama", torch.float32), PROMPT, longest=32)
    return Setup.of(prompted, METHODS["LoRA"], FewShot(sentences(0, 8), sentences(1, 6)))


def test_memory_is_the_same_when_measured_again(setup: Setup) -> None:
    singular = SingularValues(("*.1.*",))
    assert peak_bytes(setup, METHODS["LoRA"], RECIPE) == peak_bytes(setup, METHODS["LoRA"], RECIPE)
    # What a method remembers of a layer is counted again, too.
    assert peak_bytes(setup, singular, RECIPE) == peak_bytes(setup, singular, RECIPE)


def test_memory_holds_values_gradients_and_two_moments_of_adam(setup: Setup) -> None:
    model = setup.attached.prompted.pretrained.model
    for method in METHODS.values():
        least = 4 * 4 * count_parameters(method, model)
        adam, sgd = (
            peak_bytes(setup, method, Recipe(1e-3, 2, "cross-entropy", optimiser, batch=4))
            for optimiser in ("adam", "sgd")
        )
        assert adam >= least
        # The optimiser's temporaries, at most a tensor or two of each layer, may be at the peak of either.
        assert adam - sgd >= 4 * count_parameters(method, model)


def test_every_method_is_timed_in_turn(setup: Setup) -> None:
    found = seconds_per_step(setup, METHODS, RECIPE, 3)
    assert list(found) == list(METHODS)
    assert all(seconds > 0 for seconds in found.values())
    with pytest.raises(InputError, match="rounds=0 must be at least 1"):
        seconds_per_step(setup, METHODS, RECIPE, 0)

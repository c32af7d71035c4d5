"""Training under penalties: factors become orthonormal, and the measures say what they say."""

import numpy as np
import pytest
import torch

from lintune.descent import Recipe
from lintune.finetune import Setup
from lintune.methods import LoRA
from lintune.prompted import PromptedModel
from lintune.studies.decomposition import orthogonality, rate, run, summary, variants, verdict
from lintune.tasks import FewShot
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

STEPS = 40


@pytest.fixture(scope="module")
def setup() -> Setup:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    method = LoRA(rank=2, alpha=2, targets=["model.layers.1.self_attn.q_proj"])
    return Setup.of(prompted, method, FewShot(sentences(0, 6), sentences(1, 4)))


def test_orthogonality_of_known_factors() -> None:
    values = {
        "one:B": torch.tensor([[2.0, 0.0], [0.0, 1.0]]),
        "one:A": torch.tensor([[1.0, 0.0], [1.0, 0.0]]),
        "one:M": torch.ones(2, 2),
    }
    found = orthogonality(values)
    assert found["b"] == pytest.approx(3 / np.sqrt(2))
    assert found["b_crossed"] == 0
    assert found["b_norm"] == pytest.approx(np.sqrt(5 / 2))
    assert found["a"] == found["a_crossed"] == pytest.approx(1)


def test_penalties_draw_factors_where_they_should(setup: Setup) -> None:
    learning_rate = rate(setup, 0.002)
    method = setup.attached.method
    assert isinstance(method, LoRA)
    runs = {
        name: run(setup.with_method(each), Recipe(learning_rate, STEPS, "cross-entropy"), name)
        for name, each in variants(method, (None, "o", "d"), 0.05 / learning_rate).items()
    }
    assert list(runs) == ["lora-r2", "lora-r2, MPC_o", "lora-r2, MPC_d"]
    free, whole, diagonal = runs.values()
    for each in runs.values():
        assert each["factors"][0] == free["factors"][0]
        assert len(each["factors"]) == len(each["gap"]) == STEPS + 1
        assert len(each["first"]) == 2
        assert each["factors"][1]["b_norm"] == pytest.approx(np.sqrt(np.mean(np.square(each["first"]))))
        assert each["gap"][0] == pytest.approx(0, abs=1e-12)
        assert each["loss"][-1] < each["loss"][0]
    assert whole["factors"][-1]["a"] < 0.3 * free["factors"][-1]["a"]
    assert diagonal["factors"][-1]["a"] < 0.3 * free["factors"][-1]["a"]
    # MPC_o makes B grow, MPC_d does not.
    sizes = [each["factors"][-1]["b_norm"] for each in (free, whole, diagonal)]
    assert sizes[1] > 1.3 * max(sizes[0], sizes[2])
    assert whole["kernel"] > free["kernel"]
    table = summary(list(runs.values())).set_index("method")
    assert table.loc["lora-r2, MPC_o", "size of B"] == sizes[1]
    assert table["test accuracy"].between(0, 1).all()


def test_the_verdict_compares_the_gains() -> None:
    assert verdict(2.0, 2.1, 0.1) == "no gain"
    assert verdict(2.0, 1.0, 1.5) == verdict(2.0, 1.0, 0.5) == "a larger step"
    assert verdict(2.0, 1.0, 1.6) == verdict(2.0, 1.0, 3.0) == "more than that"


def test_the_rate_is_the_pace_over_the_largest_eigenvalue(setup: Setup) -> None:
    assert rate(setup, 0.2) == pytest.approx(2 * rate(setup, 0.1))
    # Of gradient descent on the squared loss of the linear model, 2 over it is the longest step.
    found = run(setup, Recipe(rate(setup, 0.5), 2), "LoRA")
    assert found["loss"][1] < found["loss"][0]

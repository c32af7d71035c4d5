"""The probe: exact where the network is linear, first order where it is not, and real steps that are real."""

import copy
from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest
import torch
from torch import nn

from lintune.advise import Candidate, Probe, candidates, look, probe
from lintune.descent import CrossEntropy, Recipe
from lintune.errors import InputError
from lintune.finetune import Setup, finetune
from lintune.methods.attached import Attached
from lintune.prompted import PromptedModel
from lintune.tangents import tunable_layers
from lintune.tasks import FewShot
from tests.advise.problem import CANDIDATES, EXAMPLES, RECIPE, function, of_classes, seen
from tests.studies.behaviour.tiny_tasks import task
from tests.tiny import pretrained

LAST = "model.layers.1.mlp.down_proj"
KINDS = [
    Candidate((1, 2), rank=2, alpha=8.0),
    Candidate((1, 2), kind="ia3", rank=0, alpha=0.0, pull=0.5),
    Candidate((1, 2), kind="rows", rank=3, alpha=0.0),
]


@pytest.fixture
def linear(monkeypatch: pytest.MonkeyPatch) -> PromptedModel:
    """A model without its last norm: what the last layer adds to the hidden state, the head reads off."""
    without = replace(pretrained("llama"), model=copy.deepcopy(pretrained("llama").model))
    without.model.model.norm = nn.Identity()
    assert LAST in tunable_layers(without.model)
    monkeypatch.setattr(import_module("lintune.advise.candidates"), "layers_in", lambda *_: (LAST,))
    return PromptedModel(without, task(3).prompt_for("causal"), 32)


@pytest.mark.parametrize("candidate", KINDS, ids=lambda each: each.name)
@pytest.mark.parametrize("rate", [1e-3, 1.0])
def test_a_model_that_is_linear_is_described(
    linear: PromptedModel, candidate: Candidate, rate: float
) -> None:
    examples = of_classes(3)
    recipe = replace(RECIPE, learning_rate=rate, strength=candidate.pull)
    found = probe(linear, examples, look(linear, examples, [candidate]), candidate, recipe, steps=1)
    assert found.share < 1e-5  # norms are computed in float32
    assert found.real_end == pytest.approx(found.predicted_end, rel=1e-4)
    if rate < 1:
        assert found.verdict == "describes"


@pytest.mark.parametrize(
    "candidate", [CANDIDATES[0], CANDIDATES[5], CANDIDATES[7]], ids=lambda each: each.name
)
@pytest.mark.parametrize("name", ["llama", "gpt2-conv1d", "bert"])
def test_what_is_not_linear_is_of_second_order(candidate: Candidate, name: str) -> None:
    prompted = function(name)
    saw = look(prompted, EXAMPLES, [candidate])
    shares = [
        probe(prompted, EXAMPLES, saw, candidate, replace(RECIPE, learning_rate=rate), steps=1).share
        for rate in (1e-3, 1e-4)
    ]
    assert shares[0] < 0.5
    assert shares[1] / shares[0] == pytest.approx(0.1, rel=0.3)


@pytest.mark.parametrize(
    "candidate", [CANDIDATES[0], CANDIDATES[6], CANDIDATES[8]], ids=lambda each: each.name
)
def test_real_steps_are_those_of_fine_tuning(candidate: Candidate) -> None:
    prompted = function()
    recipe = replace(RECIPE, learning_rate=0.01, batch=None, strength=candidate.pull)
    found = probe(prompted, EXAMPLES, seen(), candidate, recipe, steps=4)
    method = candidate.method(prompted.pretrained.model)
    setup = Setup.of(prompted, method, FewShot(EXAMPLES, EXAMPLES))
    rows = finetune(setup, replace(recipe, steps=4), twin=False).rows
    np.testing.assert_allclose(found.real, rows.loss / len(EXAMPLES), rtol=1e-6)


def test_real_steps_with_batches_are_a_plain_torch_loop() -> None:
    prompted, candidate = function(), CANDIDATES[0]
    recipe = replace(RECIPE, learning_rate=0.01, seed=5)
    found = probe(prompted, EXAMPLES, seen(), candidate, recipe, steps=3)
    attached = Attached(prompted, candidate.method(prompted.pretrained.model))
    prepared, loss = attached.prepare(EXAMPLES), CrossEntropy(EXAMPLES.labels, 2)
    values = {name: value.clone().requires_grad_() for name, value in attached.start.items()}
    optimiser, order, losses = torch.optim.Adam(values.values(), lr=0.01), recipe.batches(12), []
    for _ in range(4):
        rows = next(order)
        value = loss.value(attached.outputs(values, prepared, rows.tolist()), rows) / len(rows)
        losses.append(value.item())
        optimiser.zero_grad()
        (value * 12).backward()
        optimiser.step()
    np.testing.assert_allclose(found.real, losses, rtol=1e-6)


@pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda each: each.name)
def test_real_and_predicted_begin_alike_and_stay_near_at_small_rates(candidate: Candidate) -> None:
    recipe = replace(RECIPE, learning_rate=1e-5, strength=candidate.pull)
    found = probe(function(), EXAMPLES, seen(), candidate, recipe)
    assert len(found.real) == len(found.predicted) == 5
    assert found.real[0] == pytest.approx(found.predicted[0], rel=1e-6)
    # Of the second step on real Adam weighs coordinates by their own past: both go down by a like amount.
    np.testing.assert_allclose(found.real, found.predicted, rtol=5e-3)
    assert found.rate == 1e-5
    assert found.candidate == candidate
    assert found.seconds > 0


def test_steps_are_at_most_those_of_the_recipe() -> None:
    found = probe(function(), EXAMPLES, seen(), CANDIDATES[0], replace(RECIPE, steps=2), steps=9)
    assert len(found.real) == len(found.predicted) == 3


def test_the_end_is_that_of_the_whole_course_whatever_the_steps() -> None:
    one, three = (probe(function(), EXAMPLES, seen(), CANDIDATES[0], RECIPE, steps=steps) for steps in (1, 3))
    assert one.share == pytest.approx(three.share)
    assert one.predicted_end == pytest.approx(three.predicted_end)
    np.testing.assert_allclose(one.real, three.real[:2])


def test_an_absurd_rate_fails() -> None:
    for rate in (30.0, 1e12):
        found = probe(function(), EXAMPLES, seen(), CANDIDATES[0], replace(RECIPE, learning_rate=rate))
        assert found.verdict == "fails"


def test_training_that_overflows_fails() -> None:
    prompted = function("gpt2-conv1d", dtype=torch.float32)
    candidate = CANDIDATES[7]
    saw = look(prompted, EXAMPLES, [candidate])
    found = probe(prompted, EXAMPLES, saw, candidate, replace(RECIPE, learning_rate=1e30))
    assert found.diverged
    assert found.verdict == "fails"


def test_another_batch_with_a_larger_loss_is_no_divergence() -> None:
    prompted = function("gpt2-conv1d")
    saw = look(prompted, EXAMPLES, CANDIDATES[:1])
    recipe = Recipe(1e-5, 8, loss="cross-entropy", optimiser="adam", batch=1)
    found = [probe(prompted, EXAMPLES, saw, CANDIDATES[0], replace(recipe, seed=seed)) for seed in range(6)]
    assert any(each.real[-1] > 2 * each.real[0] for each in found)
    assert {each.verdict for each in found} == {"describes"}


@pytest.mark.parametrize(
    ("share", "real", "verdict"),
    [
        (0.05, [1.0, 0.5], "describes"),
        (0.1, [1.0, 0.5], "describes"),
        (0.3, [1.0, 0.5], "guides"),
        (0.6, [1.0, 0.5], "fails"),
        (float("inf"), [1.0, 0.5], "fails"),
        (float("nan"), [1.0, 0.5], "fails"),
        (0.05, [1.0], "fails"),
        (0.05, [], "fails"),
        (0.05, [1.0, 2.5], "fails"),
    ],
)
def test_verdicts(share: float, real: list[float], verdict: str) -> None:
    found = Probe(CANDIDATES[0], 1e-3, np.array(real), np.array([1.0, 0.4]), share, 0.5, 0.5, 1.0)
    assert found.verdict == verdict


def test_the_model_is_left_as_it_was() -> None:
    prompted = function()
    before = {name: value.clone() for name, value in prompted.pretrained.model.state_dict().items()}
    probe(prompted, EXAMPLES, seen(), CANDIDATES[3], RECIPE)
    after = prompted.pretrained.model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())


def test_what_was_not_looked_at_is_refused() -> None:
    other = candidates(function().pretrained.model, blocks=[(0, 1)])[0]
    with pytest.raises(InputError, match=f"candidate='{other.name}' was not looked at"):
        probe(function(), EXAMPLES, seen(), other, RECIPE)
    with pytest.raises(InputError, match="steps=0 must be at least 1"):
        probe(function(), EXAMPLES, seen(), CANDIDATES[0], RECIPE, steps=0)
    with pytest.raises(InputError, match="examples are not those that were looked at"):
        probe(function(), EXAMPLES.take(range(6)), seen(), CANDIDATES[0], RECIPE)
    with pytest.raises(InputError, match="must be of adam"):
        probe(function(), EXAMPLES, seen(), CANDIDATES[0], replace(RECIPE, optimiser="sgd"))

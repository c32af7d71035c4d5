"""A cell: the search that all methods share, the run and its twin as fine-tuning has them, the kernel."""

import math

import numpy as np
import pytest
import torch

from lintune import spectrum
from lintune.descent import Recipe
from lintune.errors import DivergedError, InputError
from lintune.finetune import Setup, finetune
from lintune.kernels import contrasts, flat, tangent_kernels
from lintune.methods import LoRA, Weights
from lintune.prompted import PromptedModel
from lintune.studies.behaviour.draws import draw
from lintune.studies.cells import Effort, cell
from lintune.studies.comparison.compared import seeded
from lintune.tasks import FewShot
from tests.studies.behaviour.tiny_tasks import task
from tests.tiny import pretrained

EFFORT = Effort(6, 6, 12, steps=3, batch=4, rates=(1e-2, 1e-1), longest=32)
METHOD = LoRA(2, 4.0, ("model.layers.1.*",))


@pytest.fixture(scope="module")
def prompted() -> PromptedModel:
    return PromptedModel(pretrained("llama", torch.float32), task().prompt_for("causal"), 32)


@pytest.fixture(scope="module")
def found(prompted: PromptedModel) -> dict:
    return cell(prompted, task(), METHOD, 3, EFFORT)


def test_the_rate_has_the_least_validation_loss_of_all_that_were_tried(found: dict) -> None:
    losses = {trial["rate"]: trial["validation_loss"] for trial in found["trials"]}
    assert len(losses) == EFFORT.trials == 4
    assert losses[found["rate"]] == min(losses.values()) == found["validation_loss"]


def test_the_outcome_is_that_of_fine_tuning_beside_its_twin(prompted: PromptedModel, found: dict) -> None:
    drawn = draw(task(), 3, 3, 12)
    setup = Setup.of(prompted, seeded(METHOD, 3), FewShot(drawn.train, drawn.test))
    recipe = Recipe(found["rate"], 3, "cross-entropy", "adam", batch=4, seed=3)
    end = finetune(setup, recipe, at=(3,)).rows.iloc[-1]
    assert found["test_loss"] == pytest.approx(end.test_loss, rel=1e-5)
    assert found["test_score"] == found["test_accuracy"] == pytest.approx(end.test_accuracy)
    assert found["twin_accuracy"] == pytest.approx(end.twin_test_accuracy)
    for name in ("gap", "test_gap", "train_gap", "agreement", "drift", "twin_drift"):
        assert found[name] == pytest.approx(end[name], rel=1e-4)
    untrained = finetune(setup, recipe, at=(0, 3), twin=False).rows.iloc[0]
    assert found["start_loss"] == pytest.approx(untrained.test_loss, rel=1e-5)
    assert found["chance"] == 0.5


def test_scalars_are_of_the_kernel_of_the_same_examples(prompted: PromptedModel, found: dict) -> None:
    drawn = draw(task(), 3, 3, 12)
    alone = tangent_kernels(prompted, drawn.train, methods={"it": seeded(METHOD, 3)}, outputs=contrasts(2))
    gram = alone.train["it"].total()
    labels = spectrum.label_kernel(drawn.train.labels)
    assert found["kernel"]["trace"] == pytest.approx(np.trace(flat(gram)), rel=1e-4)
    assert found["kernel"]["condition number"] == pytest.approx(
        spectrum.condition_number(flat(gram)), rel=1e-2
    )
    aligned = spectrum.alignment(spectrum.example_kernel(gram), labels)
    assert found["kernel"]["alignment"] == pytest.approx(aligned, rel=1e-4)
    assert 0 <= found["kernel"]["regression score"] <= 1


def test_a_cell_found_again_is_the_same_but_for_its_time(prompted: PromptedModel, found: dict) -> None:
    again = cell(prompted, task(), METHOD, 3, EFFORT)
    assert {**again, "stages": None} == {**found, "stages": None}
    other = cell(prompted, task(), METHOD, 4, EFFORT)
    assert other["test_loss"] != found["test_loss"]


def test_training_that_diverges_everywhere_is_an_error(prompted: PromptedModel) -> None:
    effort = Effort(6, 6, 12, steps=3, batch=4, rates=(1e30, 1e31), longest=32)
    with pytest.raises(DivergedError, match=r"every one of the learning rates \[1e\+30, 1e\+31"):
        cell(prompted, task(), Weights(), 0, effort)


def test_every_number_can_be_recorded(found: dict) -> None:
    numbers = [
        value for part in (found, found["kernel"]) for value in part.values() if isinstance(value, float)
    ]
    assert all(math.isfinite(value) for value in numbers)


@pytest.mark.parametrize(
    "wrong", [{"steps": 0}, {"rates": ()}, {"rates": (1.0, 0.1)}, {"finer": 1.0}, {"batch": 0}], ids=str
)
def test_an_effort_that_is_none_is_refused(wrong: dict) -> None:
    with pytest.raises(InputError, match=f"{next(iter(wrong))}="):
        Effort(**wrong)


def test_fewer_examples_than_classes_are_refused() -> None:
    with pytest.raises(InputError, match="examples=2 must be at least 3, one of each class"):
        Effort(examples=2).draw(task(3), 0)

"""Which class is called the first is of no account to kernels, to training and to what kernels carry."""

from dataclasses import replace

import numpy as np
import pytest

from lintune.descent import Recipe
from lintune.methods import Weights
from lintune.prompted import HeadedModel, PromptedModel, probed
from lintune.studies.behaviour import HEAD, KERNELS, PROMPT, SGD, Draw, Problem, draw
from lintune.studies.behaviour.scoring import Row, Scorer
from lintune.studies.behaviour.training import Trained, linear, network
from lintune.tangents import top_layers
from lintune.tasks import Examples, Task
from tests.studies.behaviour.tiny_tasks import task
from tests.tiny import pretrained

# The class that is called c after the renaming was called ORDER[c] before; no renaming leaves its place.
ORDERS = {"as it was": [0, 1, 2], "renamed": [2, 0, 1]}
# GPT-2 computes in float64 throughout, so that renaming shows rounding only.
MODEL = pretrained("gpt2-conv1d")
LAYERS = top_layers(MODEL.model, 1)
FEW = draw(task(3), 4, 5, 12)


def named(order: list[int]) -> tuple[Task, Draw]:
    """Return the task and the draw with the classes in another order, the examples in theirs."""
    plain, place = task(3), np.argsort(order)
    prompt = replace(plain.prompt, words=tuple(plain.prompt.words[old] for old in order))
    train, validation, test = (
        Examples(part.fields, place[part.labels]) for part in (FEW.train, FEW.validation, FEW.test)
    )
    return replace(plain, prompt=prompt), Draw(FEW.seed, train, validation, test)


def headed(order: list[int]) -> HeadedModel:
    probe = probed(MODEL, FEW.train, 3, longest=32)
    weight, bias = (probe.pretrained.model.get_parameter(f"head.{name}").data for name in ("weight", "bias"))
    return probe.with_head(weight[order], bias[order])


def scored(function: str, order: list[int]) -> tuple[Problem, dict[str, Row]]:
    """Return a problem and the rows of its kernels, with two runs to carry."""
    tiny, few = named(order)
    if function == PROMPT:
        problem = Problem.of(PromptedModel(MODEL, tiny.prompt, 32), Weights(LAYERS), few, KERNELS)
    else:
        problem = Problem.of(headed(order), Weights((*LAYERS, "head")), few, KERNELS)
    gram = problem.gram(SGD).reshape(24, 24)
    recipe = Recipe(4 / float(np.linalg.norm(gram, 2)), 6, loss="cross-entropy", batch=4, seed=5)
    runs = {
        way: Trained(*train(problem, recipe), rate=4.0, validation=(0.0, 0.0))
        for way, train in {"fine-tuned": network, "linearised": linear}.items()
    }
    scorer = Scorer(tiny, problem)
    return problem, {
        kernel: scorer.regression(kernel, 5, runs, fitted_start=function == HEAD) for kernel in KERNELS
    }


@pytest.mark.parametrize("function", [PROMPT, HEAD])
def test_renaming_the_classes_changes_no_score_of_a_kernel_and_nothing_that_it_carries(function: str) -> None:
    (plain, first), (renamed, second) = (scored(function, order) for order in ORDERS.values())
    assert plain.labels.tolist() != renamed.labels.tolist()
    for kernel in KERNELS:
        assert second[kernel]["score"] == first[kernel]["score"]
        carried = {name: value for name, value in first[kernel].items() if name.startswith("carries ")}
        assert len(carried) == 2
        assert {name: second[kernel][name] for name in carried} == pytest.approx(carried, rel=0, abs=1e-6)

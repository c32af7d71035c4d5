"""LoRA's coordinates on a tiny model: what the chapter's propositions say, and what its functions count."""

import fnmatch
import json

import numpy as np
import pandas as pd
import pytest
import torch

from lintune.errors import DivergedError, InputError
from lintune.kernels import flat, tangent_kernels
from lintune.linearized import jacobian
from lintune.linearized.features import gram
from lintune.methods import LoRA, Weights
from lintune.prompted import PromptedModel
from lintune.studies import lora_coordinates as study
from lintune.tangents import tunable_layers
from lintune.tasks import Examples
from tests.linearized.test_primal import direction
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

SEEDS = range(40)
EXAMPLES = sentences(0, 6)


@pytest.fixture(scope="module")
def prompted() -> PromptedModel:
    # A model that computes all in float64.
    return PromptedModel(pretrained("gpt2-conv1d"), PROMPT, longest=32)


@pytest.fixture(scope="module")
def layers(prompted: PromptedModel) -> list[str]:
    return fnmatch.filter(tunable_layers(prompted.pretrained.model), "*.1.*")


def setup(prompted: PromptedModel, layers: list[str], alpha: float = 16.0, rank: int = 4) -> study.Problem:
    lora = LoRA(rank=rank, alpha=alpha, targets=layers)
    return study.setup(prompted, EXAMPLES, lora, study.stored_tangent(prompted, EXAMPLES, layers))


def test_the_shortest_of_each_class_are_chosen() -> None:
    texts = ("long text", "a", "longer text", "to", "b c", "d")
    examples = Examples(tuple({"text": text} for text in texts), np.array([0, 0, 1, 1, 0, 1]))
    found = study.shortest(examples, 2)
    assert [fields["text"] for fields in found.fields] == ["a", "b c", "d", "to"]
    with pytest.raises(InputError, match="per_class=4 exceeds the 3 examples of class 0"):
        study.shortest(examples, 4)


def test_the_projected_kernel_has_the_kernel_of_the_weights_as_its_mean(
    prompted: PromptedModel, layers: list[str]
) -> None:
    table = study.projection_errors(prompted, EXAMPLES, layers, [2, 8], list(SEEDS)[:20])
    assert (table["shape"] <= table.error).all()
    means = table.groupby("rank").error.mean()
    assert means[2] / means[8] == pytest.approx(2, rel=0.3)
    layer = layers[0]  # 16 inputs
    lora = {str(seed): LoRA(4, 4, [layer], seed=seed) for seed in SEEDS}
    captured = tangent_kernels(prompted, EXAMPLES, methods={"weights": Weights([layer]), **lora}).train
    whole = captured["weights"].total()
    mean = np.mean([captured[str(seed)].total() for seed in SEEDS], axis=0) * 3 * 16 / 4
    assert np.linalg.norm(mean - whole) < 0.15 * np.linalg.norm(whole)


def test_the_expansions_differ_by_the_second_order_term_exactly(
    prompted: PromptedModel, layers: list[str]
) -> None:
    problem = setup(prompted, layers, alpha=12.0)
    away = direction(problem.attached, 3)
    values = {name: value + 0.1 * away[name] for name, value in problem.attached.start.items()}
    found = study.expansions(problem, values)
    whole = study.setup(prompted, EXAMPLES, Weights(layers))
    change = {f"{layer}:weight": 3 * 0.01 * away[f"{layer}:B"] @ away[f"{layer}:A"] for layer in layers}
    expected = sum(
        torch.einsum("nkio,oi->nk", part, change[name]) for name, part in whole.features.items()
    )  # this model stores its weights transposed
    np.testing.assert_allclose(found["product"] - found["factors"], expected, rtol=1e-9, atol=1e-12)


def test_a_race_measures_what_it_says(prompted: PromptedModel, layers: list[str]) -> None:
    problem = setup(prompted, layers)
    recipe = problem.recipe(1.0, 0.1, 6)
    found, outputs = study.race(problem, recipe)
    assert set(outputs) == set(study.WAYS)
    assert (found["alpha"], found["seed"]) == (16.0, 0)
    real, linear = (np.array(outputs[way]) for way in ("lora", "factors"))
    assert found["gap"]["factors"][-1] == pytest.approx(np.linalg.norm(real[-1] - linear[-1]))
    assert found["moved"][0] == 0
    assert all(path[0] == found["loss"]["lora"][0] > path[-1] for path in found["loss"].values())
    # Whatever the way, the first step is the same in the linear models, and in the network.
    np.testing.assert_allclose(outputs["factors"][1], outputs["product"][1], rtol=1e-9)
    np.testing.assert_allclose(outputs["lora"][1], outputs["held"][1], rtol=1e-9)
    again, _ = study.race(problem, recipe, {way: outputs[way] for way in ("held", "factors")})
    assert json.dumps(again, default=np.ndarray.tolist) == json.dumps(found, default=np.ndarray.tolist)


def test_with_a_held_the_scale_does_not_matter_and_what_it_adds_falls_with_its_square(
    prompted: PromptedModel, layers: list[str]
) -> None:
    halves, gaps = [], []
    reference: list[np.ndarray] | None = None
    for alpha in (256.0, 1024.0):
        problem = setup(prompted, layers, alpha)
        found, outputs = study.race(problem, problem.recipe(1.0, 0.1, 10))
        reference = reference or outputs["held"]
        np.testing.assert_allclose(outputs["held"], reference, rtol=1e-9)
        halves.append(found["kernel"]["a_half"])
        gaps.append(found["gap"]["held"][-1])
    assert halves[0] / halves[1] == pytest.approx(16, rel=0.1)
    assert gaps[0] / gaps[1] == pytest.approx(16, rel=0.1)


def test_halves_of_the_kernel_are_those_of_the_proposition(
    prompted: PromptedModel, layers: list[str]
) -> None:
    problem = setup(prompted, layers[:1])
    start = problem.attached.start
    at_start = study.turned(problem, start)
    assert at_start["drift"] == at_start["a_half"] == at_start["a_moved"] == at_start["b_moved"] == 0
    assert at_start["b_half"] == pytest.approx(1)
    away = direction(problem.attached, 1)
    (layer,) = layers[:1]
    down, up = start[f"{layer}:A"] + 0.1 * away[f"{layer}:A"], 0.1 * away[f"{layer}:B"]
    found = study.turned(problem, {f"{layer}:B": up, f"{layer}:A": down})
    assert found["b_moved"] == pytest.approx(float(up.norm()))
    there = jacobian(problem.attached, problem.prepared, {f"{layer}:B": up, f"{layer}:A": down})
    kernel = flat(gram(there).numpy())
    change = np.linalg.norm(kernel - problem.kernel) / np.linalg.norm(problem.kernel)
    assert found["drift"] == pytest.approx(change)
    total = np.trace(kernel) / np.trace(problem.kernel)
    assert found["a_half"] + found["b_half"] == pytest.approx(total)


def test_weights_alone_and_growth(prompted: PromptedModel, layers: list[str]) -> None:
    whole = study.setup(prompted, EXAMPLES, Weights(layers))
    found = study.weights_alone(whole, whole.recipe(1.0, 0.4, 3))
    assert 0 < found["gap"] < 1
    assert found["drift"] > 0
    assert found["distance"] > 0
    problem = setup(prompted, layers)
    grown = study.growth(problem, problem.recipe(0.01, 1.0, 3))
    assert set(grown) == set(study.WAYS)
    assert grown["factors"] == 1  # half the longest step of the linear model


def test_a_run_that_diverges_is_cut_or_refused(prompted: PromptedModel, layers: list[str]) -> None:
    problem = setup(prompted, layers)
    recipe = problem.recipe(1.0, 1e6, 60)
    assert len(study.run(problem, "factors", recipe)[0]) <= 60
    with pytest.raises(DivergedError, match="LoRA's loss is not finite|not finite at step"):
        study.race(problem, problem.recipe(1.0, 1e200, 60))


def test_the_verdict_follows_from_every_run() -> None:
    def table(*products: float) -> pd.DataFrame:
        return pd.DataFrame({"product": products, "factors": [0.5] * len(products)})

    assert study.verdict(table(0.1, 0.2)) == "product"
    assert study.verdict(table(0.6, 0.7)) == "factors"
    assert study.verdict(table(0.1, 0.7)) == "neither"

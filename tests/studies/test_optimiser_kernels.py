"""Steps held against their predictions: exact where they should be, and counted as they are said to be."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from lintune import theory
from lintune.descent import Vector, loss_for
from lintune.descent.recipe import Optimiser
from lintune.finetune import Setup
from lintune.linearized import StoredTangent, jacobian
from lintune.methods import Weights
from lintune.prompted import PromptedModel
from lintune.studies import optimiser_kernels as study
from lintune.tasks import FewShot
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

RATES = {"sgd": 1e-4, "signgd": 1e-6, "adam": 1e-6}
STEPS = 5


@pytest.fixture(scope="module")
def start() -> study.Start:
    # A model that computes all in float64.
    prompted = PromptedModel(pretrained("gpt2-conv1d"), PROMPT, longest=32)
    split = FewShot(sentences(0, 4), sentences(1, 3))
    return study.Start.of(Setup.of(prompted, Weights(["*.1.*"]), split))


@pytest.fixture(scope="module")
def runs(start: study.Start) -> dict[str, dict[str, Any]]:
    names: tuple[Optimiser, ...] = ("sgd", "signgd", "adam")
    return {
        name: study.run(start, study.recipe(name, RATES[name], STEPS, 4, seed=1), linearised=True)
        for name in names
    }


@pytest.mark.parametrize("optimiser", ["sgd", "signgd"])
def test_small_steps_are_what_the_kernel_of_their_optimiser_says(
    runs: dict[str, dict[str, Any]], optimiser: str
) -> None:
    found = runs[optimiser]
    for name in (optimiser, "frozen", "current"):
        assert study.errors(found["predicted"][name], found["measured"]).max() < 1e-2, name
    assert found["rate"] == pytest.approx(RATES[optimiser])


def test_the_kernel_of_signgd_is_theorem_4_3(start: study.Start, runs: dict[str, dict[str, Any]]) -> None:
    found = runs["signgd"]
    for step in range(STEPS):
        row = int(found["example"][step])
        signs = {name: part[row : row + 1, 0].sign()[0] for name, part in start.train.items()}
        kernel = -start.change_along(signs, 1.0)[None, None]
        expected = theory.signgd_change(kernel, float(found["slope"][step, 0]), found["rate"])
        np.testing.assert_allclose(found["predicted"]["signgd"][step], expected, rtol=1e-9)


def test_after_whole_epochs_the_order_of_examples_does_not_matter(start: study.Start) -> None:
    ends = []
    for seed in (0, 1):
        found = study.run(start, study.recipe("signgd", 1e-6, 8, 4, seed=seed))
        ends.append(found["predicted"]["signgd"].sum(axis=0))
        assert sorted(found["example"][:4]) == sorted(found["example"][4:]) == [0, 1, 2, 3]
    np.testing.assert_allclose(ends[0], ends[1], rtol=1e-8)


def test_a_sign_step_is_like_one_and_adam_begins_with_one(runs: dict[str, dict[str, Any]]) -> None:
    np.testing.assert_allclose(runs["signgd"]["cosine"], 1, rtol=1e-6)
    np.testing.assert_allclose(runs["signgd"]["size"], 1, rtol=1e-6)
    adam = runs["adam"]
    assert adam["cosine"][0] > 0.999
    assert adam["size"][0] == pytest.approx(1, abs=1e-3)
    assert adam["cosine"][1:].max() < 0.99
    assert runs["sgd"]["cosine"].max() < 0.9


def test_no_sign_has_changed_at_the_first_step_and_some_later(start: study.Start) -> None:
    found = study.run(start, study.recipe("signgd", 1e-3, STEPS, 4))
    assert found["flipped"][0] == 0
    assert found["flipped"][-1] > 0


def test_chi_and_changes_are_those_of_the_run(start: study.Start, runs: dict[str, dict[str, Any]]) -> None:
    found = runs["sgd"]
    before = start.outputs(start.setup.attached.start)
    outputs = before + np.cumsum(found["measured"], axis=0)
    labels = np.asarray(start.setup.split.train.labels)
    for step in range(1, STEPS):
        row = found["example"][step]
        chi = theory.output_derivative(torch.as_tensor(outputs[step - 1][[row]]), labels[[row]])
        np.testing.assert_allclose(found["slope"][step], chi[0], rtol=1e-8)
    assert found["measured"].shape == (STEPS, 7, 1)


def test_a_batch_has_the_rate_on_its_sum(start: study.Start) -> None:
    whole = study.run(start, study.recipe("sgd", 1e-4, 1, 4, batch=4))
    assert (whole["rate"], whole["batch"]) == (pytest.approx(1e-4), 4)
    slopes = start.slopes(start.setup.attached.start)
    direction = theory.descent_direction(start.train, slopes)
    np.testing.assert_allclose(whole["predicted"]["sgd"][0], start.change_along(direction, 1e-4), rtol=1e-9)
    assert study.errors(whole["predicted"]["sgd"], whole["measured"])[0] < 1e-2


def test_the_current_derivatives_are_those_of_stored_features(start: study.Start) -> None:
    setup = start.setup
    draw = torch.Generator().manual_seed(0)
    values = {
        name: value + 0.1 * torch.randn(value.shape, generator=draw, dtype=value.dtype)
        for name, value in setup.attached.start.items()
    }
    step = {
        name: torch.randn(value.shape, generator=draw, dtype=value.dtype) for name, value in values.items()
    }
    found = study.current_change(setup, values, step)
    expected = []
    for prepared in (setup.train, setup.test):
        features = jacobian(setup.attached, prepared, values)
        zero = torch.zeros(len(prepared), 1, dtype=torch.float64)
        expected.append(StoredTangent(features, zero).pushed(step)[1])
    np.testing.assert_allclose(found, torch.cat(expected), rtol=1e-9)


def first_steps(outputs: int) -> pd.DataFrame:
    function, start = study.tanh_network(5, outputs)
    features: Vector = torch.func.jacrev(function)(start)
    loss = loss_for("cross-entropy", np.arange(5) % (outputs + 1), outputs + 1)
    slopes = loss.slope(function(start), torch.arange(5))
    return study.first_steps(
        lambda values: function(values).numpy(),
        start,
        lambda direction, rate: theory.change_along(features, direction, rate),
        {name: part[:2] for name, part in features.items()},
        slopes[:2],
        dict.fromkeys(("sgd", "signgd"), list(10.0 ** np.arange(-7, -1.9, 0.5))),
    )


@pytest.mark.parametrize("outputs", [1, 2])
def test_first_steps_err_by_the_square_of_the_rate(outputs: int) -> None:
    table = first_steps(outputs)
    assert len(table) == 2 * 2 * 11
    for _, rows in table.groupby("optimiser"):
        found = study.order(rows)
        assert found is not None
        assert found == pytest.approx(2, abs=study.SECOND_ORDER)


def test_the_order_is_read_where_errors_are_above_rounding_and_small() -> None:
    rates = 10.0 ** np.arange(-6, 1)
    errors = np.maximum(rates**2, 1e-9)
    table = pd.DataFrame({"rate": rates, "error": errors, "change": rates})
    assert study.order(table) == pytest.approx(2)
    assert study.order(table, largest=1e-4) is None


def test_errors_and_cosines_of_changes() -> None:
    measured = np.array([[[1.0], [2.0]], [[0.0], [4.0]]])
    np.testing.assert_allclose(study.errors(1.5 * measured, measured), 0.5)
    np.testing.assert_allclose(study.cosines(1.5 * measured, measured), 1)
    np.testing.assert_allclose(study.cosines(-measured, measured), -1)
    np.testing.assert_allclose(study.cosines(0 * measured, measured), 0)
    np.testing.assert_allclose(study.centred(measured + 7), study.centred(measured))


def test_summary_has_a_row_for_each_run_and_prediction(runs: dict[str, dict[str, Any]]) -> None:
    table = study.summary(list(runs.values()))
    assert len(table) == 3 * 5
    own = table[table.optimiser == table.prediction].set_index("optimiser")
    assert (own.error < 1e-2).all()
    assert (own["in the end"] < 1e-2).all()
    assert (table[table.prediction == "constant"]["centred cosine"].abs() < 1e-6).all()


def test_verdicts_follow_from_the_numbers() -> None:
    assert [study.verdict(each) for each in (0.1, 0.11, 0.5, 0.51, 20.0)] == [
        "holds",
        "holds roughly",
        "holds roughly",
        "does not hold",
        "does not hold",
    ]

    def table(sgd: list[float], signgd: list[float]) -> pd.DataFrame:
        rows = [
            {"prediction": name, "seed": seed, "centred cosine": value}
            for name, values in (("sgd", sgd), ("signgd", signgd))
            for seed, value in enumerate(values)
        ]
        return pd.DataFrame(rows).assign(optimiser="adam", rate=0.1, batch=1)

    assert study.better_kernel(table([0.5, 0.6], [0.6, 0.7])) == "signgd"
    assert study.better_kernel(table([0.5, 0.6], [0.4, 0.5])) == "sgd"
    assert study.better_kernel(table([0.5, 0.6], [0.6, 0.5])) == "neither"

"""The table of kernels and solvers: every pair that is defined, on the right examples."""

import numpy as np
import pandas as pd
import pytest

from lintune.errors import InputError
from lintune.kernels import AsymmetricSignGD, contrasts, tangent_kernels
from lintune.methods import Weights
from lintune.prompted import PromptedModel
from lintune.solvers import CANDIDATES, choose
from lintune.studies import kernels_and_solvers as study
from lintune.tasks import Source, Task, few_shot
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

SHOTS, SEEDS, TEST = 4, [0, 3], 12
TARGETS = ["*.1.*"]


@pytest.fixture(scope="module")
def task() -> Task:
    source = Source(licence="none", citation="", note="made by the test", sha256="0")
    return Task("tiny", "Tiny", ("bad", "good"), PROMPT, sentences(0, 60), sentences(1, 30), source)


@pytest.fixture(scope="module")
def prompted() -> PromptedModel:
    return PromptedModel(pretrained("gpt2-conv1d"), PROMPT, longest=32)


@pytest.fixture(scope="module")
def rows(prompted: PromptedModel, task: Task) -> pd.DataFrame:
    return study.kernels_and_solvers(prompted, task, TARGETS, shots=SHOTS, seeds=SEEDS, test_examples=TEST)


def test_every_pair_and_seed_has_its_row(rows: pd.DataFrame) -> None:
    pairs = rows[rows.kernel != ""]
    assert len(pairs) == len(SEEDS) * 3 * len(CANDIDATES)
    for (kernel, solver), found in pairs.groupby(["kernel", "solver"]):
        assert found.accuracy.notna().all() == study.is_defined(str(kernel), str(solver))
    known = rows[rows.kernel == ""].groupby("solver").seed.apply(list).to_dict()
    assert known == {"majority class": [-1], "zero-shot": [-1], "zero-shot, calibrated": SEEDS}


def test_what_is_not_defined_is_refused_by_the_solver(prompted: PromptedModel, task: Task) -> None:
    draw = few_shot(task, SHOTS, 0, TEST)
    method = AsymmetricSignGD(Weights(TARGETS))
    found = tangent_kernels(prompted, draw.train, methods={"one": method}, outputs=contrasts(2))
    for solver, candidates in CANDIDATES.items():
        if solver in study.NEED_SYMMETRY:
            with pytest.raises(InputError, match="symmetric"):
                candidates[0].fit(found.train["one"].total(), found.train_logits, draw.train.labels)
        else:
            candidates[0].fit(found.train["one"].total(), found.train_logits, draw.train.labels)


def test_one_pass_over_all_equals_a_draw_alone(
    prompted: PromptedModel, task: Task, rows: pd.DataFrame
) -> None:
    method = {"one": AsymmetricSignGD(Weights(TARGETS))}
    for seed in SEEDS:
        draw = few_shot(task, SHOTS, seed, TEST)
        ahead = tangent_kernels(prompted, draw.train, draw.test, methods=method, outputs=contrasts(2))
        back = tangent_kernels(prompted, draw.test, draw.train, methods=method, outputs=contrasts(2))
        for solver in ("least squares", "asymmetric"):
            chosen = choose(
                CANDIDATES[solver],
                ahead.train["one"].total(),
                ahead.train_logits,
                np.asarray(draw.train.labels),
                seed=seed,
            )
            scores = chosen.fitted.scores(
                ahead.cross["one"].total(), ahead.cross_logits, back.cross["one"].total()
            )
            expected = float((scores.argmax(axis=1) == draw.test.labels).mean())
            found = rows[
                (rows.kernel == study.ASYMMETRIC) & (rows.solver == solver) & (rows.seed == seed)
            ].iloc[0]
            assert found.accuracy == pytest.approx(expected)
            assert found["held out"] == pytest.approx(max(chosen.accuracies))


def table(values: dict[tuple[str, str], list[float]]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"kernel": kernel, "solver": solver, "seed": seed - (kernel == ""), "accuracy": value}
            for (kernel, solver), found in values.items()
            for seed, value in enumerate(found)
        ]
    )


def test_pairs_are_compared_by_draw() -> None:
    first, second = ("SGD", "least squares"), ("SignGD", "logistic")
    rows = table({first: [0.8, 0.9, 0.85], second: [0.7, 0.8, 0.74], ("", "zero-shot"): [0.85]})
    assert study.best_pair(rows) == first
    assert study.gain(rows, first, second)["verdict"] == "wins"
    assert study.gain(rows, second, first)["verdict"] == "loses"
    against = study.gain(rows, first, ("", "zero-shot"))
    assert against["gain"] == pytest.approx(0)
    assert against["verdict"] == "tie"
    alone = study.gain(rows[rows.seed < 1], first, second)
    assert (alone["error"], alone["verdict"]) == (None, "one draw only")

"""The comparison of ways: paired draws, one pass, and a verdict that follows from the numbers."""

import numpy as np
import pandas as pd
import pytest

from lintune.kernels import contrasts, tangent_kernels
from lintune.methods import LoRA, Method, Weights
from lintune.prompted import PromptedModel
from lintune.solvers import fit
from lintune.studies.draws import union
from lintune.studies.few_shot import beats_baselines, few_shot_accuracies
from lintune.tasks import Examples, Prompt, Source, Task, few_shot
from tests.tiny import pretrained

PROMPT = Prompt("{text} . it was {label} .", ("terrible", "great"))
GOOD, BAD = ("good", "great", "funny", "bright"), ("bad", "terrible", "sad", "dull")


def sentences(seed: int, n: int) -> Examples:
    """Return distinct sentences whose class is that of their only telling word."""
    rng = np.random.default_rng(seed)
    plain = ["the", "film", "was", "this", "story", "of", "one", "actor", "and", "music"]
    texts = {
        f"{' '.join(rng.choice(plain, 4))} {rng.choice((BAD, GOOD)[i % 2])}": i % 2 for i in range(4 * n)
    }
    chosen = list(texts.items())[:n]
    return Examples(tuple({"text": text} for text, _ in chosen), np.array([label for _, label in chosen]))


@pytest.fixture(scope="module")
def task() -> Task:
    source = Source(licence="none", citation="", note="made by the test", sha256="0")
    return Task("tiny", "Tiny", ("bad", "good"), PROMPT, sentences(0, 60), sentences(1, 30), source)


def test_each_way_and_seed_has_its_row(task: Task) -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    methods: list[Method] = [Weights(), LoRA(rank=2)]
    rows = few_shot_accuracies(prompted, task, methods, shots=5, seeds=[0, 1, 2], test_examples=20)
    counts = rows.groupby("way", sort=False).seed.apply(list).to_dict()
    assert counts == {
        "majority class": [-1],
        "zero-shot": [-1],
        "zero-shot, calibrated": [0, 1, 2],
        "TF-IDF + logistic regression": [0, 1, 2],
        "kernel regression, weights": [0, 1, 2],
        "kernel regression, lora-r2": [0, 1, 2],
    }
    assert rows.accuracy.between(0, 1).all()


def test_one_pass_over_the_union_equals_each_draw_alone(task: Task) -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    rows = few_shot_accuracies(prompted, task, [Weights()], shots=4, seeds=[3, 4], test_examples=20)
    for seed in (3, 4):
        draw = few_shot(task, 4, seed, 20)
        alone = tangent_kernels(prompted, draw.train, draw.test, methods=[Weights()], outputs=contrasts(2))
        fitted = fit(alone.train["weights"].total(), alone.train_logits, draw.train.labels)
        predicted = fitted.scores(alone.cross["weights"].total(), alone.cross_logits).argmax(axis=1)
        expected = (predicted == draw.test.labels).mean()
        found = rows[(rows.way == "kernel regression, weights") & (rows.seed == seed)].accuracy.item()
        assert found == pytest.approx(expected)


def test_union_keeps_every_example_once_and_finds_each_draw() -> None:
    whole = sentences(0, 12)
    draws = [whole.take([0, 3, 5]), whole.take([5, 0, 7])]
    pool, places = union(draws)
    assert len(pool) == 4
    for draw, place in zip(draws, places, strict=True):
        assert pool.take(place).fields == draw.fields
        np.testing.assert_array_equal(pool.take(place).labels, draw.labels)


@pytest.mark.parametrize(
    ("kernel", "other", "verdict"),
    [
        ([0.8, 0.82, 0.81], [0.7, 0.72, 0.71], "wins"),
        ([0.6, 0.62, 0.61], [0.7, 0.72, 0.71], "loses"),
        ([0.6, 0.8, 0.7], [0.7, 0.7, 0.71], "tie"),
        ([0.8], [0.7], "one draw only"),
        # 4.1 standard errors, but of three draws: Student's interval holds zero.
        ([0.825, 0.775, 0.756], [0.7, 0.7, 0.7], "tie"),
        ([0.575, 0.625, 0.644], [0.7, 0.7, 0.7], "tie"),
        ([0.79, 0.775, 0.77], [0.7, 0.7, 0.7], "wins"),
    ],
)
def test_verdict_follows_from_the_paired_gains(kernel: list[float], other: list[float], verdict: str) -> None:
    ways = {"kernel regression, weights": kernel, "zero-shot, calibrated": other}
    rows = pd.DataFrame(
        [
            {"way": way, "seed": seed, "accuracy": value}
            for way, found in ways.items()
            for seed, value in enumerate(found)
        ]
        + [{"way": "majority class", "seed": -1, "accuracy": 0.5}]
    )
    found = beats_baselines(rows)
    assert found["verdict"] == verdict
    assert found["best other"] == "zero-shot, calibrated"
    assert found["mean gain"] == pytest.approx(np.mean(kernel) - np.mean(other))


def test_verdict_against_a_way_that_sees_no_draw() -> None:
    rows = pd.DataFrame(
        [
            {"way": "kernel regression, weights", "seed": seed, "accuracy": value}
            for seed, value in enumerate([0.8, 0.9])
        ]
        + [{"way": "zero-shot", "seed": -1, "accuracy": 0.6}]
    )
    assert beats_baselines(rows)["mean gain"] == pytest.approx(0.25)

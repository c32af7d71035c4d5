"""Rows as the study of kernel behaviour returns them, with made-up scores."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from lintune.cli.diagnosis.request import Request, Setting

# By kernel, how it carries what fine-tuning did, draw by draw.
LIKE = {"K(SGD)": (0.9, 0.8, 0.85), "K(SignGD)": (0.6, 0.5, 0.55), "K(A-SignGD)": (0.89, 0.82, 0.81)}


def rows(
    start: Sequence[float] = (0.5, 0.52, 0.48),
    tuned: Sequence[float | None] = (0.8, 0.82, 0.78),
    linear: Sequence[float | None] = (0.75, 0.76, 0.74),
    kernel: Sequence[float] = (0.79, 0.8, 0.7),
    change: Sequence[float] = (0.3, 0.4, 0.5),
    like: Mapping[str, Sequence[float | None]] = LIKE,
    rate: float = 4.0,
) -> pd.DataFrame:
    """Return rows of a prompt trained by sgd, a draw for every start."""
    found: list[dict[str, Any]] = [
        {"function": None, "seed": None, "way": "chance", "score": 0.5},
        {"function": None, "seed": None, "way": "majority", "score": 0.55},
    ]
    for seed in range(len(start)):
        draw = {"function": "prompt", "seed": seed}
        run = {**draw, "optimiser": "sgd", "rate": rate}
        found += [
            {**draw, "way": "zero-shot", "score": start[seed]},
            {**draw, "way": "zero-shot, calibrated", "score": start[seed] + 0.1},
            {**run, "way": "fine-tuned", "score": tuned[seed], "kernel_drift": change[seed]},
            {**run, "way": "linearised", "score": linear[seed]},
        ]
        found += [
            {
                **draw,
                "way": "kernel",
                "kernel": name,
                "score": kernel[seed],
                "carries fine-tuned, sgd": values[seed],
            }
            for name, values in like.items()
        ]
    return pd.DataFrame(found)


def request(seeds: tuple[int, ...] = (0, 1, 2), shots: int = 4) -> Request:
    """Return a request for a prompt trained by sgd."""
    return Request(
        task="films",
        model="tiny",
        kind=None,
        functions={"prompt": ("sgd",)},
        shots=shots,
        seeds=seeds,
        test_examples=200,
        depth=1,
        steps=3,
        batch=None,
        longest=32,
        device="cpu",
        dtype="float64",
    )


def setting(
    at_hand: tuple[int, ...] = (100, 100), tested: tuple[int, ...] = (100, 100), metric: str = "accuracy"
) -> Setting:
    """Return a setting in which nothing calls for caution."""
    return Setting(
        task="films",
        title="Films",
        metric=metric,
        classes=("bad", "good"),
        template="{text} {label}",
        words=("terrible", "great"),
        rates={"sgd": (1.0, 4.0, 16.0)},
        at_hand=at_hand,
        tested=tested,
        weights="ab",
        data="cd",
    )

"""Rank correlations over methods between what kernels say and what training does."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from lintune.studies.comparison import FORETELLERS, correlations, pairs
from tests.studies.comparison.made import runs

NAMES = [f"m{k}" for k in range(6)]


def rows(tasks: str, sign: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(1)
    losses = {name: {task: list(rng.random(2)) for task in tasks} for name in NAMES}
    found: list[dict[str, Any]] = []
    for name, by_task in losses.items():
        for task, each in by_task.items():
            found.append({"what": "cost", "task": task, "method": name, "parameters": 7})
            for seed, loss in enumerate(each):
                said = dict.fromkeys(FORETELLERS, rng.random()) | {"leave-one-out loss": np.exp(sign * loss)}
                del said["parameters"]
                found.append({"what": "kernel", "task": task, "seed": seed, "method": name, **said})
    return pd.concat([runs(losses), pd.DataFrame(found)], ignore_index=True)


@pytest.mark.parametrize(("sign", "verdict"), [(1, "foretells"), (-1, "the other way round")])
def test_what_grows_with_the_loss_is_perfect(sign: int, verdict: str) -> None:
    table = correlations(rows("abc", sign)).set_index("foreteller")
    found = table.loc["leave-one-out loss"]
    assert (found["mean"], found.low, found.high) == pytest.approx((sign, sign, sign))
    assert (found.tasks, found.groups, found.verdict) == (3, 6, verdict)
    # A constant ranks nothing.
    assert list(table.loc["parameters", ["mean", "agree"]]) == [0, 0]
    assert table.loc["parameters", "verdict"] == "no clear relation"


def test_one_task_has_no_interval() -> None:
    table = correlations(rows("a"))
    assert table.low.isna().all()
    assert set(table.verdict) == {"one task only"}


def test_methods_with_one_kernel_count_once() -> None:
    found = rows("a")
    same = found[(found.what != "run") & (found.method == "m0")].assign(method="m0 again")
    again = pd.concat(
        [found, same, found[(found.what == "run") & (found.method == "m0")].assign(method="m0 again")]
    )
    assert len(pairs(again)) == len(pairs(found)) == 2 * len(NAMES)

"""What it costs to train what a rule chooses instead of sweeping: scores given up, and time saved."""

from collections.abc import Callable
from typing import Any

import pandas as pd

from lintune.advise.scores import SCORES
from lintune.studies.advice.joined import COMBINATION, KEYS, SIGNS
from lintune.studies.intervals import interval

SWEEP, HINDSIGHT, DEFAULT, RANDOM = "the sweep", "the best in hindsight", "the usual default", "any candidate"
Rule = Callable[[pd.DataFrame], float]


def regrets(rows: pd.DataFrame, default: str) -> pd.DataFrame:
    """Return the test score of what each rule chooses, with its rate chosen as in the sweep.

    The sweep takes the candidate of least validation loss: what one has who trains all. Hindsight takes the
    best test score itself, which is better than any rule could be by what chance adds to it. Of equal scores
    the average counts.

    Args:
        rows: What `joined` returns, of the tasks that count.
        default: Name of the usual default.

    Returns:
        A row per rule: `rule`; `score`, its mean over tasks; `regret`, the sweep's minus its, with `low` and
        `high` (Student's, 95 %, over tasks); `each`, the regrets by task; `cheap`.
    """
    chosen = {name: _by_task(rows, rule) for name, rule in _rules(default).items()}
    cheap = {score.name for score in SCORES if score.cheap}
    found = []
    for name, scores in chosen.items():
        regret = chosen[SWEEP] - scores
        found.append(
            {
                "rule": name,
                "score": float(scores.mean()),
                **dict(zip(("regret", "low", "high"), interval(regret.to_numpy()), strict=True)),
                "each": regret.to_dict(),
                "cheap": name in cheap,
            }
        )
    return pd.DataFrame(found)


def gains(rows: pd.DataFrame, default: str) -> pd.DataFrame:
    """Return how much the advisor's choice scores above default, a random choice and each cheap rule.

    Args:
        rows: What `joined` returns, of the tasks that count.
        default: Name of the usual default.

    Returns:
        A row per rule: `over`, `mean`, `low`, `high` (Student's, 95 %, over tasks), and `each` by task.
    """
    rules = _rules(default)
    own = _by_task(rows, rules[COMBINATION])
    others = [DEFAULT, RANDOM, *(score.name for score in SCORES if score.cheap)]
    found: list[dict[str, Any]] = []
    for name in others:
        gain = own - _by_task(rows, rules[name])
        ends = dict(zip(("mean", "low", "high"), interval(gain.to_numpy()), strict=True))
        found.append({"over": name, **ends, "each": gain.to_dict()})
    return pd.DataFrame(found)


def _rules(default: str) -> dict[str, Rule]:
    return {
        HINDSIGHT: lambda group: float(group["test score"].max()),
        SWEEP: lambda group: _of_least(group, group["validation loss"]),
        COMBINATION: lambda group: _of_least(group, group[COMBINATION]),
        DEFAULT: lambda group: float(group.loc[group.candidate == default, "test score"].iloc[0]),
        RANDOM: lambda group: float(group["test score"].mean()),
        **{score.name: _following(score.name) for score in SCORES},
    }


def _following(name: str) -> Rule:
    return lambda group: _of_least(group, SIGNS[name] * group[name])


def _of_least(group: pd.DataFrame, values: pd.Series) -> float:
    return float(group.loc[values == values.min(), "test score"].mean())


def _by_task(rows: pd.DataFrame, rule: Rule) -> pd.Series:
    """Return the mean over draws of what a rule's choice scores, by task."""
    each = {key: rule(group) for key, group in rows.groupby(KEYS)}
    scores = pd.Series(list(each.values()), index=[task for task, _ in each])
    return scores.groupby(level=0).mean()


def costs(sweep: pd.DataFrame, advice: pd.DataFrame) -> pd.DataFrame:
    """Return what advice and sweep took, a row per task and draw.

    Returns:
        `task`, `seed`; `sweep`, wall seconds of training all candidates at all rates that were tried, with
        frozen blocks run once; `clocked`, what the same runs take without that by the clock of the advice,
        which is to be compared with it; `advice`,
        of look and forecasts; `probe`, of that of the first choice; `ratio`, `clocked` over advice and probe.
    """
    runs = sweep[sweep.candidate != "start"]
    swept = runs.groupby(KEYS).seconds.sum()
    said = advice[advice.what == "score"].set_index([*KEYS, "candidate"]).seconds.astype(float)
    trials = runs.set_index([*KEYS, "candidate"]).trials.map(len)
    clocked = (said * trials).groupby(level=KEYS).sum()
    asked = advice[advice.what == "advice"].set_index(KEYS).seconds
    probed = advice[(advice.what == "trained") & (advice.role == "first")].groupby(KEYS).probe_seconds.sum()
    parts = {"sweep": swept, "clocked": clocked, "advice": asked, "probe": probed}
    found = pd.DataFrame(parts).astype(float)
    return found.assign(ratio=found.clocked / (found.advice + found.probe)).reset_index()

"""What a reader should know before believing the answers, where the numbers give reason to say it."""

from collections.abc import Iterator

import pandas as pd

from lintune.cli.diagnosis.answers import Verdict, plain
from lintune.cli.diagnosis.request import Request, Setting

FEW = 10  # test examples of a class: one more or less right moves its recall by a tenth


def cautions(rows: pd.DataFrame, verdicts: pd.DataFrame, request: Request, setting: Setting) -> list[str]:
    """Return the cautions that these numbers warrant, most often none to a few.

    Args:
        rows: What `lintune.studies.behaviour.behaviour` returns, for one task.
        verdicts: What `lintune.studies.behaviour.verdicts` makes of them.
        request: What was asked for.
        setting: What it came to.
    """
    majority = float(rows[rows.way == "majority"].score.iloc[0])
    found = [*_draws(request, setting), *_classes(setting), *_diverged(rows)]
    for verdict in plain(verdicts):
        found += _improvement(verdict, majority, setting)
    return [*found, *_rates(rows, setting)]


def _draws(request: Request, setting: Setting) -> Iterator[str]:
    if len(request.seeds) == 1:
        yield "there is one draw only: nothing says how much the numbers depend on it."
        return
    taken = 2 * request.shots
    for name, there in zip(setting.classes, setting.at_hand, strict=True):
        if 2 * taken > there:
            yield (
                f"class {name!r} has {there} training examples, and each draw takes {taken}: the draws share "
                "examples, so their range is smaller than that of draws from more data."
            )


def _classes(setting: Setting) -> Iterator[str]:
    for name, there in zip(setting.classes, setting.tested, strict=True):
        if there < FEW:
            yield f"class {name!r} has {there} test examples, fewer than {FEW}: scores say little of it."


def _diverged(rows: pd.DataFrame) -> Iterator[str]:
    trained = rows[rows.way.isin(("fine-tuned", "linearised")) & rows.score.isna()]
    for (function, way, optimiser), lost in trained.groupby(["function", "way", "optimiser"], sort=False):
        seeds = ", ".join(f"{seed:.0f}" for seed in lost.seed)
        yield f"{function}, {optimiser}, {way}: training diverged on the draw with seed {seeds}."


def _improvement(verdict: Verdict, majority: float, setting: Setting) -> Iterator[str]:
    start, tuned = verdict["start"], verdict["fine-tuned"]
    if start is None or tuned is None:
        return
    which, gained = f"{verdict['function']}, {verdict['optimiser']}", tuned - start
    examples = sum(setting.tested)
    error = (tuned * (1 - tuned) / examples) ** 0.5 if setting.metric == "accuracy" else 0.0
    if gained <= 0:
        yield f"{which}: fine-tuning improves nothing over the start, {tuned:.3f} from {start:.3f}."
    elif gained < error:
        yield (
            f"{which}: fine-tuning improves the score by {gained:.3f}, less than the standard error "
            f"{error:.3f} of an accuracy on {examples} test examples; a share of that says little."
        )
    if tuned <= majority:
        yield (
            f"{which}: fine-tuning scores {tuned:.3f}, no more than always answering the most frequent "
            f"class, {majority:.3f}."
        )


def _rates(rows: pd.DataFrame, setting: Setting) -> Iterator[str]:
    chosen = rows.reindex(columns=["function", "optimiser", "way", "rate"]).dropna().drop_duplicates()
    found = []
    for row in chosen.to_dict("records"):
        grid = setting.rates[row["optimiser"]]
        if len(grid) > 1 and row["rate"] in (min(grid), max(grid)):
            end = "smallest" if row["rate"] == min(grid) else "largest"
            which = f"{row['function']}, {row['optimiser']}, {row['way']}"
            found.append(f"{which} ({row['rate']:g}, the {end})")
    if found:
        yield "the chosen learning rate is the last of those tried, and one beyond may do better: " + (
            "; ".join(found) + "."
        )

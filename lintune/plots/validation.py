"""Figures of what the advisor said against what training did, on many candidates, tasks and draws."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lintune.plots.advisor import diagonal
from lintune.plots.style import BLUE, GREY, ORANGE, PALETTE, RED

_SLIGHT = 0.55


def said_and_done(
    rows: pd.DataFrame, pairs: Mapping[str, tuple[str, str]], default: str, order: str
) -> Figure:
    """Draw what was said of every candidate against what training came to: a row per pair, a panel per task.

    Args:
        rows: A row per candidate, task and draw: `title` (of the task), `seed`, `candidate` and the columns
            that are drawn. What is infinite, or far above the others, is drawn at the upper edge.
        pairs: By a column of what was said, that of what was done and its name on the axis. Where both are
            losses, which is so if the first holds "loss", the panel has a line where they agree.
        default: Whose dots are marked.
        order: The column whose least value in each draw is the first choice, marked as well.
    """
    titles = list(dict.fromkeys(rows.title))
    figure, axes = plt.subplots(
        len(pairs), len(titles), figsize=(2.7 * len(titles) + 0.9, 2.6 * len(pairs) + 0.5), squeeze=False
    )
    firsts = rows.loc[rows.groupby(["title", "seed"])[order].idxmin()]
    for line, (said, (done, label)) in zip(axes, pairs.items(), strict=True):
        for axis, title in zip(line, titles, strict=True):
            here = rows[rows.title == title]
            limit = _limit(here[done])
            _dots(axis, here, said, done, limit, GREY, "o", 12, "candidates")
            _dots(
                axis, here[here.candidate == default], said, done, limit, ORANGE, "s", 34, "the usual default"
            )
            _dots(axis, firsts[firsts.title == title], said, done, limit, BLUE, "D", 34, "the first choice")
            axis.set_xlabel(said, fontsize=8.5)
            axis.grid(visible=True)
            if "loss" in said:
                diagonal(axis)
        line[0].set_ylabel(label)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title)
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3)
    return figure


def _limit(values: pd.Series) -> float:
    """Return above which values are drawn at the edge: three times the middle half's span above it."""
    low, high = np.quantile(values[np.isfinite(values)], [0.25, 0.75])
    return float(high + 3 * (high - low))


def _dots(
    axis: Axes,
    rows: pd.DataFrame,
    said: str,
    done: str,
    limit: float,
    colour: str,
    marker: str,
    size: int,
    label: str,
) -> None:
    finite = rows[rows[done] <= limit]
    axis.scatter(
        finite[said],
        finite[done],
        s=size,
        c=colour,
        marker=marker,
        alpha=_SLIGHT if marker == "o" else 1,
        linewidth=0,
        label=label,
    )
    lost = rows[~(rows[done] <= limit)]
    axis.scatter(
        lost[said],
        np.full(len(lost), 0.98),
        s=size,
        c=RED,
        marker="^",
        transform=axis.get_xaxis_transform(),
        clip_on=False,
    )


def agreements(held: pd.DataFrame, chosen: pd.DataFrame) -> Figure:
    """Draw rank correlations of every score with every outcome: a panel per outcome, a row per score.

    Args:
        held: What `lintune.studies.advice.correlations` returns, for the tasks on which nothing was chosen;
            rows are in the order of their mean with the first outcome.
        chosen: The same for the tasks on which the combination was chosen.
    """
    outcomes = list(dict.fromkeys(held.outcome))
    first = held[held.outcome == outcomes[0]].sort_values("mean", ascending=False, kind="stable")
    names = list(first.score)
    cheap = first.set_index("score").cheap
    figure, axes = plt.subplots(
        1, len(outcomes), figsize=(2.5 * len(outcomes) + 2.6, 0.27 * len(names) + 1.4), sharey=True
    )
    for axis, outcome in zip(np.atleast_1d(axes), outcomes, strict=True):
        for table, shift, colour, label in (
            (held, -0.14, BLUE, "held-out tasks"),
            (chosen, 0.18, ORANGE, "choice tasks"),
        ):
            if len(table):
                _agreements(axis, table[table.outcome == outcome], names, shift, colour, label)
        axis.axvline(0, color=GREY, linewidth=0.8)
        axis.set(title=outcome, xlabel="rank correlation", xlim=(-1.05, 1.05))
        axis.grid(visible=True, axis="x")
        axis.tick_params(axis="y", length=0)
    axis = np.atleast_1d(axes)[0]
    axis.set_yticks(range(len(names)), [f"{name} (cheap)" if cheap[name] else name for name in names])
    axis.set_ylim(len(names) - 0.5, -0.5)
    handles, labels = axis.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8.5)
    return figure


def _agreements(
    axis: Axes, table: pd.DataFrame, names: Sequence[str], shift: float, colour: str, label: str
) -> None:
    rows = table.set_index("score").loc[list(names)]
    places = np.arange(len(names)) + shift
    axis.hlines(places, rows.low.clip(-1, 1), rows.high.clip(-1, 1), color=colour, linewidth=1.3)
    axis.plot(rows["mean"], places, "o", color=colour, markersize=4, label=label)
    for place, each in zip(places, rows["each"], strict=True):
        axis.plot(each, np.full(len(each), place), "|", color=colour, markersize=5, alpha=_SLIGHT)


def regret_rows(table: pd.DataFrame, rules: Sequence[str], most: float) -> Figure:
    """Draw what each rule gives up against the sweep, in test score: a row per rule, a mark per task.

    Args:
        table: `rule`; `regret`, `low`, `high` (NaN for no interval); `each`, regrets by task; `cheap`.
        rules: Which rules, from top to bottom.
        most: The regret that is aimed at, drawn as a line.
    """
    rows = table.set_index("rule").loc[list(rules)]
    tasks = list(rows["each"].iloc[0])
    figure, axis = plt.subplots(figsize=(7.4, 0.3 * len(rules) + 1.4))
    places = np.arange(len(rules))
    span = _span(rows["each"])
    axis.hlines(places, rows.low.clip(*span), rows.high.clip(*span), color=GREY, linewidth=1.3)
    for task, colour, marker in zip(tasks, PALETTE, "osD^vP", strict=False):
        found = [each[task] for each in rows["each"]]
        axis.plot(found, places, marker, color=colour, markersize=4.5, alpha=0.8, label=task)
    axis.plot(rows.regret, places, "|", color="black", markersize=13, markeredgewidth=2, label="mean")
    axis.axvline(0, color=GREY, linewidth=0.8)
    axis.axvline(most, color=GREY, linewidth=1, linestyle=":", label=f"aim: at most {most:g}")
    axis.set_yticks(places, [f"{rule} (cheap)" if rows.cheap[rule] else rule for rule in rules])
    axis.set(
        xlim=span, ylim=(len(rules) - 0.5, -0.5), xlabel="test score given up against the sweep's choice"
    )
    axis.grid(visible=True, axis="x")
    figure.legend(loc="outside lower center", ncols=4, fontsize=8.5)
    return figure


def _span(each: pd.Series) -> tuple[float, float]:
    """Return a range that holds every mark with some room; intervals of few tasks would dwarf them."""
    values = np.array([value for by_task in each for value in by_task.values()])
    room = 0.15 * max(0.02, float(np.ptp(values)))
    return float(values.min()) - room, float(values.max()) + room

"""Three questions, answered in words with the numbers and the thresholds that decide."""

from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from lintune.cli.diagnosis.likeness import likeness
from lintune.studies.behaviour import RECOVERS, SOLVES, TURNS

Verdict = dict[str, Any]


@dataclass(frozen=True)
class Finding:
    """What is said of one function and optimiser.

    Attributes:
        function: `prompt` or `fresh head`.
        optimiser: What trained it.
        says: The answer in words.
        because: What it rests on, line by line.
        numbers: The numbers in it that no verdict holds.
    """

    function: str
    optimiser: str
    says: str
    because: tuple[str, ...] = ()
    numbers: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """A question with what was found.

    Attributes:
        question: In words.
        findings: One per function and optimiser.
        thresholds: What the numbers are held against, by property.
    """

    question: str
    findings: tuple[Finding, ...]
    thresholds: dict[str, float]


def answers(rows: pd.DataFrame, verdicts: pd.DataFrame, draws: int) -> list[Answer]:
    """Answer the three questions.

    Args:
        rows: What `lintune.studies.behaviour.behaviour` returns, for one task.
        verdicts: What `lintune.studies.behaviour.verdicts` makes of them.
        draws: How many draws there were.
    """
    each = plain(verdicts)
    return [
        Answer(
            "Does kernel behaviour hold here?",
            tuple(_behaviour(verdict, draws) for verdict in each),
            {"kernel solves": SOLVES, "linearisation": RECOVERS, "fixed features": TURNS},
        ),
        Answer("Which kernel fits which optimiser?", tuple(_fit(verdict, rows) for verdict in each), {}),
        Answer(
            "How far does linearised training get?",
            tuple(_recovered(verdict) for verdict in each),
            {"linearisation": RECOVERS},
        ),
    ]


def plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the rows of a table as dicts, None where nothing was measured."""
    return [
        {str(key): value for key, value in row.items()}
        for row in table.astype(object).where(table.notna(), None).to_dict("records")
    ]


def _behaviour(verdict: Verdict, draws: int) -> Finding:
    holds = {
        True: "kernel behaviour holds",
        False: "kernel behaviour does not hold",
        None: "whether kernel behaviour holds cannot be said",
    }[verdict["kernel behaviour"]]
    agree = round(verdict["draws that agree"] * draws)
    return Finding(
        verdict["function"],
        verdict["optimiser"],
        f"{holds}; judged alone, {agree} of {draws} draws say the same.",
        (
            _property(verdict, "kernel solves", _solves(verdict)),
            _property(verdict, "linearisation", _share(verdict)),
            _property(verdict, "fixed features", _turned(verdict)),
        ),
        {"draws that agree": agree, "draws": draws},
    )


def _property(verdict: Verdict, name: str, why: str) -> str:
    said = {True: "yes", False: "no", None: "not known"}[verdict[name]]
    return f"{name}: {said}, {why}"


def _solves(verdict: Verdict) -> str:
    if verdict["solves"] is None:
        return "a score is missing or fine-tuning scores 0."
    return (
        f"regression on the optimiser's kernel scores {verdict['kernel']:.3f}, {verdict['solves']:.2f} of "
        f"the fine-tuned {verdict['fine-tuned']:.3f}; asked for is at least {SOLVES}."
    )


def _share(verdict: Verdict) -> str:
    if verdict["recovers"] is None:
        return f"there is no share to recover: {_why_none(verdict)}."
    return (
        f"the linearised model recovers {verdict['recovers']:.2f} of the improvement by fine-tuning; asked "
        f"for is at least {RECOVERS}."
    )


def _turned(verdict: Verdict) -> str:
    if verdict["kernel change"] is None:
        return "there is no fine-tuned model to compare."
    return (
        f"by fine-tuning the kernel changed by {verdict['kernel change']:.2f} of its norm; asked for is less "
        f"than {TURNS}."
    )


def _why_none(verdict: Verdict) -> str:
    if verdict["fine-tuned"] is None:
        return "fine-tuning diverged"
    if verdict["linearised"] is None:
        return "linearised training diverged"
    return f"fine-tuning scores {verdict['fine-tuned']:.3f}, from {verdict['start']:.3f} at the start"


def _recovered(verdict: Verdict) -> Finding:
    function, optimiser = verdict["function"], verdict["optimiser"]
    if verdict["fine-tuned"] is None or verdict["linearised"] is None:
        return Finding(function, optimiser, f"not known: {_why_none(verdict)}.")
    scores = (
        f"the linearised model scores {verdict['linearised']:.3f}, the fine-tuned one "
        f"{verdict['fine-tuned']:.3f}, the start {verdict['start']:.3f}"
    )
    if verdict["recovers"] is None:
        return Finding(function, optimiser, f"{scores}: fine-tuning improves nothing, so no share of it.")
    side = "at least" if verdict["linearisation"] else "less than"
    share = f"it recovers {verdict['recovers']:.2f} of the improvement, {side} {RECOVERS}"
    return Finding(function, optimiser, f"{scores}: {share}.")


def _fit(verdict: Verdict, rows: pd.DataFrame) -> Finding:
    function, optimiser = verdict["function"], verdict["optimiser"]
    found = likeness(rows, function, optimiser)
    return Finding(function, optimiser, found.says, numbers=found.numbers)

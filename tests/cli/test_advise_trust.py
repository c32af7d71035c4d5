"""How far `lintune advise` says to trust its advice, and when not to follow it."""

from collections.abc import Callable
from typing import Any

import pytest

from lintune.cli.advising.cautions import FEW, cautions
from lintune.cli.advising.trust import trust


def candidate(name: str, loss: float = 0.5, tie: bool = False, **entries: Any) -> dict[str, Any]:
    usual = {
        "candidate": name,
        "parameters": 1000.0,
        "seconds": 10.0,
        "rate": 0.01,
        "strength": 0.0,
        "predicted held-out loss": loss,
        "predicted held-out error": 0.2,
        "predicted training loss": 0.3,
        "tie": tie,
        "twin": False,
        "apart": loss - 0.5,
        "error": 0.01,
        "at edge": False,
    }
    return usual | entries


def probed(name: str = "one", verdict: str = "describes", **entries: Any) -> dict[str, Any]:
    usual = {
        "candidate": name,
        "verdict": verdict,
        "share": 0.05,
        "diverged": False,
        "rate": 0.01,
        "real": [0.7, 0.6, 0.55],
        "predicted": [0.7, 0.61, 0.54],
        "real end": 0.41,
        "predicted end": 0.4,
        "seconds": 3.0,
    }
    return usual | entries


def numbers(**entries: Any) -> dict[str, Any]:
    usual: dict[str, Any] = {
        "rows": [
            candidate("one", tie=True),
            candidate("two", 0.6),
            candidate("three", 0.505, tie=True, parameters=500.0, seconds=4.0),
        ],
        "first": "one",
        "cheapest": "three",
        "default": "two",
        "usual": {"candidate": "two", "why": None},
        "start": {"loss": 0.9, "error": 0.4},
        "chance": 0.693,
        "shots": FEW,
        "examples": 2 * FEW,
        "probes": [probed()],
    }
    return usual | entries


def test_trust_says_what_the_probe_found() -> None:
    first, losses, ties, default = trust(numbers())
    assert first.startswith("one, tried in 3 s: the linear model describes its training.")
    assert "gets 5% of the change of the outputs wrong (it describes up to 10%, guides up to 50%)" in first
    assert "of 2 real steps: 0.700 0.600 0.550; predicted 0.700 0.610 0.540; at the predicted" in losses
    assert ties == (
        "1 other candidate ties with the first within one standard error, of 3; the cheapest of them is "
        "three (500 parameters, 4 s)."
    )
    assert (
        "of the usual default, two, is 0.100 above that of the first, with standard error 0.010." in default
    )


def test_trust_says_what_was_not_finite() -> None:
    lost = probed(verdict="fails", diverged=True, share=None, real=[0.7]) | {"real end": None}
    first, losses, *_ = trust(numbers(probes=[lost]))
    assert "the linear model fails for it" in first
    assert "gets all of the change" in first
    assert first.endswith("; the real steps diverged.")
    assert "0.700; predicted 0.700 0.610 0.540; at the predicted end overflow, predicted 0.400." in losses


def test_trust_without_probe_ties_or_default() -> None:
    rows = [candidate("one", tie=True), candidate("two", 0.6)]
    usual = {"candidate": "wide", "why": "exceeds the budget"}
    lines = trust(numbers(rows=rows, probes=[], cheapest="one", default=None, usual=usual))
    assert lines[0].startswith("no real step was made")
    assert lines[1:] == [
        "no other candidate ties with the first within one standard error.",
        "the usual default, wide, exceeds the budget.",
    ]
    assert trust(numbers(default="one"))[-1] == "the first is the usual default, one."


def test_nothing_to_say() -> None:
    assert cautions(numbers()) == []


def changed(**entries: Any) -> Callable[[], dict[str, Any]]:
    def made() -> dict[str, Any]:
        rows = [candidate("one", tie=True, **entries), *numbers()["rows"][1:]]
        return numbers(rows=rows)

    return made


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: numbers(probes=[probed(verdict="fails")]), "one: its linear model fails, so neither"),
        (lambda: numbers(probes=[probed(verdict="fails", diverged=True)]), "its real steps diverged, so"),
        (
            lambda: numbers(rows=[candidate(name, tie=True) for name in ("one", "two", "three")]),
            "2 of 2 other candidates tie with the first: the order says little here; take the cheapest",
        ),
        (
            lambda: numbers(start={"loss": 0.5, "error": 0.4}),
            "0.500, is not below that of the model as it is, 0.500",
        ),
        (lambda: numbers(chance=0.45), "0.500, is not below that of guessing, 0.450"),
        (lambda: numbers(start={"loss": 0.9, "error": 0.2}), "gets 20% of the examples wrong, no more than"),
        (lambda: numbers(shots=FEW - 1), f"{FEW - 1} examples of each class, fewer than {FEW}"),
        (changed(**{"at edge": True}), "the suggested learning rate, 0.01, is at the edge"),
    ],
)
def test_each_caution_comes_where_its_condition_holds(made: Callable[[], dict[str, Any]], said: str) -> None:
    (caution,) = cautions(made())
    assert said in caution


def test_a_guide_is_no_caution() -> None:
    assert cautions(numbers(probes=[probed(verdict="guides", share=0.4)])) == []

"""Claims: what holds, what is turned round, and an order that needs every part."""

from lintune.studies.comparison import CLAIMS, claims, order
from tests.studies.comparison.made import runs

Rows = dict[str, dict[str, list[float]]]
DRAWS: dict[str, list[float]] = {"a": [1.0, 1.1, 0.9, 1.05], "b": [2.0, 2.1, 1.9, 2.05]}
WOBBLE = (0.01, -0.02, 0.015, -0.005)


def moved(by: float) -> dict[str, list[float]]:
    return {
        task: [loss + by + w for loss, w in zip(each, WOBBLE, strict=True)] for task, each in DRAWS.items()
    }


def test_the_order_holds_only_if_each_part_does() -> None:
    rows: Rows = {"LoRA": DRAWS, "TriLoRA": moved(-0.5), "AdaLoRA": moved(-0.4), "FLoRA": moved(-1.0)}
    assert order(claims(runs(rows))) == "holds"
    assert order(claims(runs(rows | {"AdaLoRA": moved(0.0)}))) == "not shown"
    assert order(claims(runs(rows | {"AdaLoRA": moved(0.6)}))) == "the other way round"
    same = dict.fromkeys(rows, DRAWS)
    assert order(claims(runs(same))) == "no clear difference"


def test_only_claims_about_what_was_compared_are_judged_and_patterns_find_their_method() -> None:
    rows = runs({"LoRA": DRAWS, "rows 3": moved(-0.5), "LoRA, rank 2": moved(0.5)})
    table = claims(rows)
    assert table[["better", "worse"]].to_numpy().tolist() == [["rows 3", "LoRA"], ["rows 3", "LoRA, rank 2"]]
    assert list(table.verdict) == ["holds", "holds"]
    assert order(table) == "not shown"
    assert claims(runs({"LoRA": DRAWS})).empty


def test_every_claim_is_of_two_methods_of_the_comparison() -> None:
    from fnmatch import fnmatchcase

    from lintune.studies.comparison import compared
    from tests.tiny import pretrained

    names = list(compared(pretrained("llama").model, 1, rank=2))
    for claim in CLAIMS:
        for pattern in (claim.better, claim.worse):
            assert any(fnmatchcase(name, pattern) for name in names), pattern

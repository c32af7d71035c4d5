"""Whether the condition number of the kernel at the start ranks choices of layers."""

from typing import Any

from lintune.claims.claim import Finding, Known, Verdict, claim
from lintune.claims.evidence import Evidence, NotRun, part, table
from lintune.claims.papers import LINEARIZATION
from lintune.studies import predictors

_PREDICTOR = "condition number"
_VERDICTS = {
    "predicts": Verdict.HOLDS,
    "not beyond the number of parameters": Verdict.ONLY_WHEN,
    "the other way round": Verdict.FAILS,
    "no clear relation": Verdict.OPEN,
}


def _ranks(evidence: Evidence, outcome: str) -> Finding:
    needed = (*predictors.PREDICTORS, *predictors.OUTCOMES, "task", "seed")
    rows = table(part(evidence.result("predictors.cpu"), "rows"), *needed)
    found = predictors.correlations(rows)
    said = predictors.verdict(found, _PREDICTOR, outcome)
    if said not in _VERDICTS:
        raise NotRun(f"{said} in the record")
    by = found[found.outcome == outcome].set_index("predictor")
    row: dict[str, Any] = {str(name): value for name, value in by.loc[_PREDICTOR].items()}
    return Finding(
        _VERDICTS[said],
        quantity=f"rank correlation with the {outcome.replace('train', 'training')}",
        value=row["mean"],
        low=row["low"],
        high=row["high"],
        spread=f"95 % interval over {row['tasks']} tasks, {row['groups']} draws in all",
        condition=_beside(said, row, float(by["mean"]["parameters"])),
    )


def _beside(said: str, row: dict[str, Any], size: float) -> str:
    if said != "not beyond the number of parameters":
        return f"the number of trained parameters alone has {size:.2f}"
    low, high = row["partial low"], row["partial high"]
    turned = max(row["expected"] * low, row["expected"] * high) < 0
    partial = f"{row['partial']:.2f} ({low:.2f} to {high:.2f})"
    return (
        "the number of trained parameters is left out of account; given it, "
        f"{'the relation turns round:' if turned else 'the correlation is'} {partial}; "
        f"that number alone has {size:.2f}"
    )


@claim(
    paper=LINEARIZATION,
    where="abstract and experiments, by third parties' reports",
    known=Known.ACCOUNTS,
    statement="The condition number of the tangent kernel at the start predicts the training loss over "
    "choices of layers: the smaller the one, the lower the other (direction expected from descent, ours).",
    chapter="spectrum_predicts",
    section="What ranks the configurations",
)
def condition_number_predicts_training_loss(evidence: Evidence) -> Finding:
    """Holds if the rank correlation is positive, also given the number of trained parameters.

    Both with their whole 95 % interval over tasks. Holds only when that number is left out of account if
    the first is and the second is not; fails if the first interval lies on the other side of 0; not decided
    if it holds 0.
    """
    return _ranks(evidence, "train loss")


@claim(
    paper=LINEARIZATION,
    where="abstract and experiments, by third parties' reports",
    known=Known.ACCOUNTS,
    statement="The condition number of the tangent kernel at the start predicts the accuracy on evaluation "
    "over choices of layers: the smaller the one, the higher the other (direction expected from descent, "
    "ours).",
    chapter="spectrum_predicts",
    section="What ranks the configurations",
)
def condition_number_predicts_accuracy(evidence: Evidence) -> Finding:
    """Holds if the rank correlation is negative, also given the number of trained parameters.

    Both with their whole 95 % interval over tasks. Holds only when that number is left out of account if
    the first is and the second is not; fails if the first interval lies on the other side of 0; not decided
    if it holds 0.
    """
    return _ranks(evidence, "test accuracy")

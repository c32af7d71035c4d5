"""What in the record may be why the first choice gains what it gains over the default, in words."""

import pandas as pd

from lintune.studies.advice.correlations import correlations
from lintune.studies.advice.joined import COMBINATION
from lintune.studies.advice.room import room

# Below this rank correlation an order says little of another.
_LITTLE = 0.3
_FIRST = 0.25


def reasons(rows: pd.DataFrame, default: str, test_examples: int) -> list[str]:
    """Return those of a fixed list of reasons that the numbers bear out, worded to follow "because".

    Args:
        rows: What `lintune.studies.advice.joined` returns, of the tasks that count.
        default: Name of the usual default.
        test_examples: How many test examples a score is of.
    """
    bound = room(rows, default, test_examples)
    means = bound.groupby("task").mean(numeric_only=True).mean()
    agree = correlations(rows)
    by = agree[agree.score == COMBINATION].set_index("outcome")["mean"]
    found = []
    if means["best above default"] <= 2 * means.error:
        found.append(
            f"there is little to gain: the best of all candidates in hindsight scores "
            f"{means['best above default']:.3f} above the default, where the standard error of one score is "
            f"{means.error:.3f}"
        )
    if means["default place"] <= _FIRST:
        found.append(
            f"the default is among the best here: {means['default place']:.0%} of the other candidates have "
            "a lower test loss"
        )
    if by["test loss"] < _LITTLE:
        found.append(
            f"the order of the advisor agrees little with that of the test losses (a rank correlation of "
            f"{by['test loss']:.2f}, against {by['training loss']:.2f} with the training losses)"
        )
    return found

"""How near predicted losses are to real ones, learning rate by learning rate."""

import numpy as np
import pandas as pd
from scipy import stats

from lintune.studies.advice.joined import KEYS


def closeness(found: pd.DataFrame) -> pd.DataFrame:
    """Return how predicted losses compare with real ones, a row per learning rate.

    Args:
        found: What `lintune.studies.advice.curves` returns.

    Returns:
        `rate`; `runs`; `correlation`, Spearman's over candidates of predicted and real training loss, mean
        over draws with at least three candidates at this rate and a spread in both (NaN if there is none);
        `ratio`, the median of real over predicted training loss; `held ratio`, of validation loss; `near`,
        the share of runs whose validation loss is within a tenth of a nat of the predicted one.
    """
    table = []
    for rate, group in found.groupby("rate"):
        each = [_agreement(draw) for _, draw in group.groupby(KEYS)]
        apart = group.validation_loss - group.predicted_validation_loss
        table.append(
            {
                "rate": float(np.asarray(rate)),
                "runs": len(group),
                "correlation": float(np.nanmean(each)) if np.isfinite(each).any() else float("nan"),
                "ratio": float((group.train_loss / group.predicted_train_loss).median()),
                "held ratio": float((group.validation_loss / group.predicted_validation_loss).median()),
                "near": float((apart.abs() <= 0.1).mean()),
            }
        )
    return pd.DataFrame(table)


def _agreement(group: pd.DataFrame) -> float:
    if len(group) < 3 or min(group.train_loss.nunique(), group.predicted_train_loss.nunique()) < 2:
        return float("nan")
    return float(stats.spearmanr(group.train_loss, group.predicted_train_loss).statistic)

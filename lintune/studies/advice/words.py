"""Estimates and comparisons in words, for tables and sentences that hold whichever way they come out."""

from collections.abc import Mapping
from typing import Any

import pandas as pd


def span(row: Mapping[str, Any] | pd.Series, name: str = "mean", digits: int = 2) -> str:
    """Return an estimate with its interval, such as `0.71 (0.60 to 0.82)`.

    Args:
        row: With `low` and `high`, NaN where one task gives no interval, and the estimate.
        name: Which entry is the estimate.
        digits: Digits after the point.
    """
    ends = "one task only" if pd.isna(row["low"]) else f"{row['low']:.{digits}f} to {row['high']:.{digits}f}"
    return f"{row[name]:.{digits}f} ({ends})"


def compared(row: Mapping[str, Any] | pd.Series) -> str:
    """Return which way a mean difference goes, and whether its interval stays on that side of 0.

    Args:
        row: With `mean`, `low` and `high`; the ends are NaN where there is no interval.
    """
    if abs(row["mean"]) < 5e-4:
        return "the same on average"
    way = "more" if row["mean"] > 0 else "less"
    if pd.isna(row["low"]):
        return f"{abs(row['mean']):.3f} {way} (one task only)"
    clear = row["low"] * row["high"] > 0
    return f"{abs(row['mean']):.3f} {way} ({'clearly' if clear else 'not clearly: the interval holds 0'})"

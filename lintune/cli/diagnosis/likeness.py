"""Which kernel carries what training did over to the test examples, and what is too near to tell apart."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Likeness:
    """How well each kernel carries what an optimiser's fine-tuning did from training to test outputs.

    Attributes:
        means: Mean correlation over draws by kernel, the largest first; empty where none was measured.
        behind: By kernel but the first: how much better the first carries, as the mean over draws, and the
            standard error of that mean; None for the error of a single draw.
    """

    means: dict[str, float]
    behind: dict[str, tuple[float, float | None]]

    @property
    def ties(self) -> list[str]:
        """Kernels that are behind the first by no more than the standard error."""
        return [name for name, (gap, error) in self.behind.items() if error is not None and gap <= error]

    @property
    def numbers(self) -> dict[str, Any]:
        """All of it, for the record."""
        return {
            "mean correlation": self.means,
            "behind the first": {
                name: {"mean": gap, "error": error} for name, (gap, error) in self.behind.items()
            },
            "ties": self.ties,
        }

    @property
    def says(self) -> str:
        """The answer in words."""
        if not self.means:
            return "not known: there is no fine-tuned model to compare with, or nothing was learnt."
        (first, mean), *others = self.means.items()
        if not others:
            return f"{first} was computed alone, with a correlation of {mean:.3f} to what fine-tuning did."
        parts = [f"{name} {other:.3f} ({self._distance(name)})" for name, other in others]
        which = f"a tie of {' and '.join([first, *self.ties])}" if self.ties else first
        return f"{which}. Correlation to what fine-tuning did: {first} {mean:.3f}, {', '.join(parts)}." + (
            "" if self._errors_known else " One draw does not say how sure that is."
        )

    @property
    def _errors_known(self) -> bool:
        return all(error is not None for _, error in self.behind.values())

    def _distance(self, name: str) -> str:
        gap, error = self.behind[name]
        return f"less by {gap:.3f}" + ("" if error is None else f", standard error {error:.3f}")


def likeness(rows: pd.DataFrame, function: str, optimiser: str) -> Likeness:
    """Compare the kernels of a function by how they carry what an optimiser's fine-tuning did.

    All kernels see the same draws, so that the difference of two is taken draw by draw, and its standard
    error is that of the mean of these differences.

    Args:
        rows: What `lintune.studies.behaviour.behaviour` returns, for one task.
        function: `prompt` or `fresh head`.
        optimiser: What trained it.
    """
    column = f"carries fine-tuned, {optimiser}"
    mine = rows[(rows.function == function) & (rows.way == "kernel")].reindex(
        columns=["seed", "kernel", column]
    )
    table = mine.astype({column: float}).pivot(index="seed", columns="kernel", values=column)
    table = table.dropna(axis="columns", how="all").dropna()
    means = table.mean().sort_values(ascending=False, kind="stable")
    if means.empty:
        return Likeness({}, {})
    first = means.index[0]
    behind = {str(name): _paired(table[first] - table[name]) for name in means.index[1:]}
    return Likeness({str(name): float(mean) for name, mean in means.items()}, behind)


def _paired(differences: pd.Series) -> tuple[float, float | None]:
    """Return mean and standard error; the error of one difference is not known."""
    n = len(differences)
    error = float(differences.std(ddof=1) / np.sqrt(n)) if n > 1 else None
    return float(differences.mean()), error

"""What a check found: properties with their numbers."""

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class Property:
    """One property of a method, as it was measured.

    Attributes:
        measured: The number that was found; None where the question does not arise.
        bound: What the number may be at most, or must be at least.
        at_least: Whether the bound is a lower one.
        note: What the number is of; or why there is none.
        name: What is asked for; the check sets it.
    """

    measured: float | None = None
    bound: float = 0.0
    at_least: bool = False
    note: str = ""
    name: str = ""

    @property
    def holds(self) -> bool:
        """Whether the number keeps to its bound; a number that is none does not."""
        if self.measured is None:
            return True
        return self.measured >= self.bound if self.at_least else self.measured <= self.bound

    def __str__(self) -> str:
        """Return the property with its numbers, as in `kernel: 0.2 > 1e-10 (relative error)`."""
        if self.measured is None:
            return f"{self.name}: {self.note}"
        kept = (">=" if self.at_least else "<=") if self.holds else ("<" if self.at_least else ">")
        return f"{self.name}: {self.measured:.3g} {kept} {self.bound:g} ({self.note})"


@dataclass(frozen=True)
class MethodCheck:
    """The properties of a method, in the order in which they were looked at.

    Attributes:
        method: The method's name.
        properties: The properties; all of them hold.
    """

    method: str
    properties: tuple[Property, ...]

    def __getitem__(self, name: str) -> Property:
        """Return a property by name."""
        return {each.name: each for each in self.properties}[name]

    def __str__(self) -> str:
        """Return one line per property."""
        return "\n".join(map(str, self.properties))

    @property
    def table(self) -> pd.DataFrame:
        """One row per property: `property`, `measured`, `bound` with its sense, `note`."""
        rows = [
            {
                "property": each.name,
                "measured": "" if each.measured is None else f"{each.measured:.2g}",
                "bound": ""
                if each.measured is None
                else f"{'at least' if each.at_least else 'at most'} {each.bound:g}",
                "note": each.note,
            }
            for each in self.properties
        ]
        return pd.DataFrame(rows)

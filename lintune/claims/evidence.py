"""The records that a check may ask, and which of them it did."""

from pathlib import Path
from typing import Any

import pandas as pd

from lintune import records

# Where the build puts the record of each chapter as it stands in the book.
CHAPTERS = Path("notebooks/executed/records")
RESULTS = Path("results")


class NotRun(Exception):
    """A record is missing or holds too little to judge a claim; the message says which and what."""


class Evidence:
    """Records of chapters and of reference grids, and a note of those that were read.

    Attributes:
        read: The records that were read so far, by file name without suffix.
    """

    def __init__(self, chapters: Path = CHAPTERS, results: Path = RESULTS) -> None:
        """Read from these folders.

        Args:
            chapters: Holds a record for each chapter, `NAME.json`.
            results: Holds the committed reference records, `NAME.DEVICE.json`.
        """
        self._chapters, self._results = chapters, results
        self.read: dict[str, dict[str, Any]] = {}

    def chapter(self, name: str) -> dict[str, Any]:
        """Return the data of a chapter's record.

        Raises:
            NotRun: The chapter was not executed.
        """
        return self._data(self._chapters / f"{name}.json", f"the chapter {name!r} was not executed")

    def result(self, name: str) -> dict[str, Any]:
        """Return the data of a committed reference record, such as `strengths.cpu`.

        Raises:
            NotRun: There is no such record.
        """
        return self._data(self._results / f"{name}.json", f"there is no reference record {name!r}")

    def parameters(self, name: str) -> dict[str, Any]:
        """Return the parameters of a record that was read before."""
        return self.read[name]["parameters"]

    def _data(self, path: Path, missing: str) -> dict[str, Any]:
        if path.stem not in self.read:
            if not path.exists():
                raise NotRun(missing)
            self.read[path.stem] = records.read(path)
        return self.read[path.stem]["data"]


def table(rows: Any, *needed: str) -> pd.DataFrame:
    """Return rows of a record as a table.

    Args:
        rows: A list of rows, or columns by name.
        needed: Columns that must be there.

    Raises:
        NotRun: There is no row, or a column is missing.
    """
    found = pd.DataFrame(rows)
    lacking = [column for column in needed if column not in found]
    if found.empty:
        raise NotRun("no rows in the record")
    if lacking:
        raise NotRun(f"no {', '.join(lacking)} in the record")
    return found

"""The records that a check may ask, and which of them it did."""

from collections.abc import Mapping
from copy import copy
from pathlib import Path
from typing import Any, Self

import pandas as pd

from lintune import records

# Where the build puts the record of each chapter as it stands in the book.
CHAPTERS = Path("notebooks/executed/records")
RESULTS = Path("results")


class NotRun(Exception):
    """A record is missing or holds too little to judge a claim; the message says which and what."""


class Evidence:
    """Records of chapters and of reference grids, and a note of those that were consulted.

    Data are handed out as they were parsed, to every check alike: a check reads them and changes nothing.

    Attributes:
        read: The records that were consulted so far, by file name without suffix.
    """

    def __init__(self, chapters: Path = CHAPTERS, results: Path = RESULTS) -> None:
        """Read from these folders.

        Args:
            chapters: Holds a record for each chapter, `NAME.json`.
            results: Holds the committed reference records, `NAME.DEVICE.json`.
        """
        self._chapters, self._results = chapters, results
        self._parsed: dict[Path, dict[str, Any]] = {}
        self.read: dict[str, dict[str, Any]] = {}

    def again(self) -> Self:
        """Return access to the same records with none consulted; what either parses the other need not."""
        fresh = copy(self)
        fresh.read = {}
        return fresh

    def chapter(self, name: str) -> Mapping[str, Any]:
        """Return the data of a chapter's record.

        Raises:
            NotRun: The chapter was not executed.
        """
        return self._data(self._chapters / f"{name}.json", f"the chapter {name!r} was not executed")

    def result(self, name: str) -> Mapping[str, Any]:
        """Return the data of a committed reference record, such as `strengths.cpu`.

        Raises:
            NotRun: There is no such record.
        """
        return self._data(self._results / f"{name}.json", f"there is no reference record {name!r}")

    def parameters(self, name: str) -> Mapping[str, Any]:
        """Return the parameters of a record that was consulted before."""
        return self.read[name]["parameters"]

    def _data(self, path: Path, missing: str) -> Mapping[str, Any]:
        if path not in self._parsed:
            if not path.exists():
                raise NotRun(missing)
            self._parsed[path] = records.read(path)
        self.read[path.stem] = self._parsed[path]
        return self._parsed[path]["data"]


def part(data: Any, *names: str) -> Any:
    """Return what lies at a path of names in a record's data.

    Raises:
        NotRun: A name is not there, or nothing is under it.
    """
    found = data
    for name in names:
        if not isinstance(found, dict) or name not in found:
            raise NotRun(f"no {name} in the record")
        found = found[name]
    if found is None or found in ({}, []):
        raise NotRun(f"nothing under {names[-1]} in the record")
    return found


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

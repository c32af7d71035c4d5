"""Rows of one's own data: from a local CSV or JSONL file, or from a data set of the hub's form."""

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lintune.errors import FetchError, InputError, unknown_name

Row = Mapping[str, object]


@dataclass(frozen=True)
class HubTable:
    """One split of a data set of the hub's form.

    Attributes:
        where: What it is, for messages.
        rows: `(n,)` its rows.
        class_names: Names of the classes, in the order of their ids, by column that is a `ClassLabel`.
    """

    where: str
    rows: list[Row]
    class_names: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class HubData:
    """A data set that `datasets.load_dataset` reads.

    Attributes:
        name: Name on the hub, or the path of a local folder laid out as on the hub.
        config: Which of its configurations; None where it has only one.
        revision: Branch, tag or commit; None for the newest.
    """

    name: str
    config: str | None = None
    revision: str | None = None

    def rows(self, split: str, columns: Collection[str]) -> list[Row]:
        """Return the rows of one split, with the given columns.

        Args:
            split: Name of the split.
            columns: Columns that are needed; the others are not read.

        Raises:
            InputError: No such configuration, split or column.
            FetchError: The data set is not there, or the hub cannot be reached.
        """
        return self.table(split, columns).rows

    def table(self, split: str, columns: Collection[str]) -> HubTable:
        """Return one split with the given columns, and the class names that come with them.

        Args:
            split: Name of the split.
            columns: Columns that are needed; the others are not read.

        Raises:
            InputError: No such configuration, split or column, or files that do not fit each other.
            FetchError: The data set is not there, or the hub cannot be reached.
        """
        import datasets  # slow to import, and only users of a hub's data need it

        config = "" if self.config is None else f", config {self.config!r}"
        where = f"hub={self.name!r}{config}, split {split!r}"
        try:
            found = datasets.load_dataset(self.name, self.config, split=split, revision=self.revision)
        except ValueError as error:
            raise InputError(f"{where}: {error}") from error
        except datasets.exceptions.DatasetGenerationError as error:
            raise InputError(
                f"{where}: its files cannot be read as one data set: {error.__cause__}"
            ) from error
        except (OSError, RuntimeError) as error:
            raise FetchError(f"{where} could not be loaded: {error}") from error
        _require(where, columns, found.column_names)
        named = {
            column: tuple(found.features[column].names)
            for column in columns
            if isinstance(found.features[column], datasets.ClassLabel)
        }
        return HubTable(where, found.select_columns(list(columns)).to_list(), named)


def local_rows(path: Path, columns: Collection[str]) -> list[Row]:
    """Return the rows of a local file.

    Args:
        path: A CSV file (UTF-8, its first line names the columns) or a JSONL file (one object a line).
        columns: Columns that are needed.

    Raises:
        InputError: No such file, another form of file, a line that cannot be read, a column that is missing
            or there twice.
        FetchError: The file cannot be read from the disk.
    """
    readers = {".csv": _csv_rows, ".jsonl": _json_rows}
    if path.suffix.lower() not in readers:
        raise InputError(f"{path} is neither a .csv nor a .jsonl file.")
    if not path.is_file():
        raise InputError(f"{path} does not exist or is not a file.")
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(readers[path.suffix.lower()](path.name, file, columns))
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error}.") from error
    except OSError as error:
        raise FetchError(f"{path} could not be read: {error}") from error


def _csv_rows(name: str, lines: Iterable[str], columns: Collection[str]) -> Iterator[Row]:
    reader = csv.DictReader(lines, strict=True)
    try:
        names = list(reader.fieldnames or ())
        _require(name, columns, names)
        for column in columns:
            if names.count(column) > 1:  # DictReader would take the last
                raise InputError(f"{name}: the first line names the column {column!r} twice.")
        for row in reader:
            # DictReader files surplus cells under None and gives None to the cells that lack.
            if None in row or None in row.values():
                raise InputError(f"{name}, line {reader.line_num}: not as many cells as the first line.")
            yield row
    except csv.Error as error:
        raise InputError(f"{name}, after line {reader.line_num}: {error}.") from error


def _json_rows(name: str, lines: Iterable[str], columns: Collection[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:  # also of numbers too long and lists too deep
            raise InputError(f"{name}, line {number}: not JSON ({error}).") from error
        if not isinstance(row, dict):
            raise InputError(f"{name}, line {number}: a {type(row).__name__}, not a JSON object.")
        _require(f"{name}, line {number}", columns, row)
        yield row


def _require(where: str, needed: Iterable[str], present: Iterable[str]) -> None:
    for column in needed:
        if column not in present:
            raise unknown_name(f"{where}: column", column, present)

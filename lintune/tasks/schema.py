"""What a task needs of a published data set: the columns, and the labels with their meaning.

A published copy may change under its name. What would silently give other classes is refused: a column
that is missing, class names in another order, a label that is none of the expected, labels held back.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from lintune.errors import InputError, unknown_name
from lintune.tasks.tables import HubTable, Row
from lintune.tasks.task import Examples


@dataclass(frozen=True)
class Labels:
    """The label column of a published data set.

    Attributes:
        column: Its name.
        values: `(C,)` what stands for each class, in the order of the class ids: the names of a
            `ClassLabel`, or the values themselves.
        named: Whether the column is a `ClassLabel` (ids from 0 on, with names).
    """

    column: str
    values: tuple[str | int, ...]
    named: bool = True

    def ids(self, table: HubTable) -> list[int]:
        """Return the class id of every row.

        Args:
            table: A split with this column.

        Raises:
            InputError: The column is no `ClassLabel` with exactly these names in this order, a label is
                held back (-1), or a label is none of the expected.
        """
        if self.named:
            self._check_names(table)
        known: dict[object, int] = {value: place for place, value in enumerate(self.values)}
        if self.named:
            known = {place: place for place in range(len(self.values))}
        return [
            self._id(known, row, f"{table.where}, row {place}") for place, row in enumerate(table.rows, 1)
        ]

    def _check_names(self, table: HubTable) -> None:
        found = table.class_names.get(self.column)
        if found is None:
            raise InputError(
                f"{table.where}: the column {self.column!r} is no ClassLabel; expected is one with the names "
                f"{', '.join(map(str, self.values))}."
            )
        if found != self.values:
            raise InputError(
                f"{table.where}: the classes of {self.column!r} are {', '.join(found)}; expected are "
                f"{', '.join(map(str, self.values))}, in that order."
            )

    def _id(self, known: Mapping[object, int], row: Row, where: str) -> int:
        label = row[self.column]
        if label == -1:
            raise InputError(f"{where}: the label is -1: the labels of this split are held back.")
        if not isinstance(label, int | str) or label not in known:
            raise unknown_name(f"{where}: {self.column}", label, map(str, self.values))
        return known[label]


@dataclass(frozen=True)
class Schema:
    """The columns of a published data set that make a task.

    Attributes:
        texts: Column by text field.
        labels: The label column.
    """

    texts: Mapping[str, str]
    labels: Labels

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that is needed."""
        return (*self.texts.values(), self.labels.column)

    def examples(self, table: HubTable) -> Examples:
        """Return the rows as examples, without those that lack a text.

        Args:
            table: A split with these columns.

        Raises:
            InputError: The split has no rows, a text is no string, or the labels are wrong (`Labels.ids`).
        """
        if not table.rows:
            raise InputError(f"{table.where} has no rows.")
        ids = self.labels.ids(table)
        texts = [self._texts(row, f"{table.where}, row {place}") for place, row in enumerate(table.rows, 1)]
        kept = [place for place, fields in enumerate(texts) if all(fields.values())]
        return Examples.from_columns(
            {field: [texts[place][field] for place in kept] for field in self.texts},
            [ids[place] for place in kept],
        )

    def _texts(self, row: Row, where: str) -> dict[str, str]:
        fields = {}
        for field, column in self.texts.items():
            text = row[column]
            if not isinstance(text, str):
                raise InputError(f"{where}: column {column!r} holds {text!r}, which is no text.")
            fields[field] = text.strip()
        return fields

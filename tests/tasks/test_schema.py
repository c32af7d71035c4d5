"""Schemas on tables in memory; `test_hub.py` has what is refused in files."""

import pytest

from lintune.errors import InputError
from lintune.tasks.schema import Labels, Schema
from lintune.tasks.tables import HubTable, Row

NAMED = Schema({"first": "a", "second": "b"}, Labels("label", ("no", "yes")))
NAMES = {"label": ("no", "yes")}


def test_columns_become_fields_and_blank_texts_go() -> None:
    rows: list[Row] = [
        {"a": " x ", "b": "y", "label": 1},
        {"a": "", "b": "y", "label": 0},
        {"a": "z", "b": "y", "label": 0},
    ]
    examples = NAMED.examples(HubTable("here", rows, NAMES))
    assert examples.fields == ({"first": "x", "second": "y"}, {"first": "z", "second": "y"})
    assert examples.labels.tolist() == [1, 0]
    assert NAMED.columns == ("a", "b", "label")


def test_values_stand_for_classes_in_their_order() -> None:
    schema = Schema({"text": "t"}, Labels("l", ("good", "bad"), named=False))
    table = HubTable("here", [{"t": "x", "l": "bad"}, {"t": "y", "l": "good"}], {})
    assert schema.examples(table).labels.tolist() == [1, 0]


def test_a_split_has_rows() -> None:
    with pytest.raises(InputError, match="here has no rows"):
        NAMED.examples(HubTable("here", [], NAMES))


@pytest.mark.parametrize("label", [2, "yes", 1.0, None, [1]])
def test_ids_beyond_the_named_classes_are_refused(label: object) -> None:
    with pytest.raises(InputError, match="here, row 1: label=.* is not known.*Accepted: no, yes"):
        NAMED.examples(HubTable("here", [{"a": "x", "b": "y", "label": label}], NAMES))

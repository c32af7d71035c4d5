"""The book's data page says what the data are."""

from pathlib import Path

import pytest

from lintune import tasks
from lintune.models import BUNDLED

PAGE = (Path(__file__).parent.parent / "book" / "data.md").read_text()


@pytest.mark.parametrize("name", tasks.names())
def test_every_task_has_its_row_with_its_true_sizes_and_citation(name: str) -> None:
    task = tasks.load(name)
    (row,) = [line for line in PAGE.splitlines() if f"| `{name}` |" in line]
    assert f"{len(task.train):,}" in row
    assert f"{len(task.test):,}" in row
    assert all(key in PAGE for key in task.source.citation.split(","))


@pytest.mark.parametrize("name", BUNDLED)
def test_every_model_has_its_pin_and_licence(name: str) -> None:
    archive = BUNDLED[name].archive
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}`")]
    assert f"`{archive.package}` {archive.version}" in row
    assert BUNDLED[name].licence in row

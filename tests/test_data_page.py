"""The book's data page says what the data are, and how each task is asked."""

from functools import cache
from pathlib import Path

import pytest

from lintune import tasks
from lintune.models import BUNDLED
from lintune.tasks import Prompt, Task
from lintune.tasks.published import PUBLISHED

BOOK = Path(__file__).parent.parent / "book"
PAGE = (BOOK / "data.md").read_text()
REFERENCES = (BOOK / "references.bib").read_text()


@cache
def bundled(name: str) -> Task:
    return tasks.load(name)


def rows(name: str) -> list[str]:
    """Return the rows of the page's tables that are on a task."""
    return [line for line in PAGE.splitlines() if f"| `{name}` |" in line]


def asked(prompt: Prompt) -> str:
    return f"`{prompt.template}` {', '.join(prompt.words)}"


def prompt_row(name: str, metric: str, prompt: Prompt, masked: Prompt | None) -> str:
    return f"| `{name}` | {metric} | {asked(prompt)} | {'the same' if masked is None else asked(masked)} |"


@pytest.mark.parametrize("name", tasks.names())
def test_every_task_has_its_row_with_its_true_sizes_and_citation(name: str) -> None:
    task = bundled(name)
    row = rows(name)[0]
    assert f"{len(task.train):,}" in row
    assert f"{len(task.test):,}" in row
    assert all(key in PAGE and f"{{{key}," in REFERENCES for key in task.source.citation.split(","))


@pytest.mark.parametrize("name", tasks.hub_names())
def test_every_task_by_hub_name_has_its_row(name: str) -> None:
    spec = PUBLISHED[name]
    row = rows(name)[0]
    config = "" if spec.config is None else f", `{spec.config}`"
    cells = [cell.strip() for cell in row.split("|")[1:-1]]
    assert cells[0].split(" {cite:p}")[0] == spec.title
    assert cells[2:] == [f"`{spec.hub}`{config}", f"`{spec.test}`", str(len(spec.classes)), spec.licence]
    for key in spec.citation.split(","):
        assert key in PAGE
        assert f"{{{key}," in REFERENCES


def test_every_task_has_its_metric_and_prompts() -> None:
    found = {name: bundled(name) for name in tasks.names()} | PUBLISHED
    table = PAGE.split(":name: table-prompts")[1].split(":::")[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    assert lines == [
        prompt_row(name, one.metric, one.prompt, one.masked_prompt) for name, one in found.items()
    ]


@pytest.mark.parametrize("name", BUNDLED)
def test_every_model_has_its_pin_and_licence(name: str) -> None:
    archive = BUNDLED[name].archive
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}`")]
    assert f"`{archive.package}` {archive.version}" in row
    assert BUNDLED[name].licence in row

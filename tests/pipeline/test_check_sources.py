"""The text gate catches each fault it is for, and passes a clean book."""

from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from typer import Typer
from typer.testing import CliRunner

from pipeline.check_sources import check, errors_in, faults_in_notebook, faults_in_prose, main
from tests.pipeline.project import HEADER

PARAMETERS = """
```{code-cell} ipython3
:tags: [parameters]
seed: int = 0
```
"""
FIGURE = """
```{code-cell} ipython3
---
mystnb:
  figure:
    name: fig-loss
    caption: The loss.
  image:
    alt: A falling curve.
---
plot()
```
"""
CLEAN_PROSE = r"""# Title

Inline $x$, the code `\ref{a}`, {eq}`eq-a`; ![A falling curve](loss.png)

$$
x = 1
$$ (eq-a)

````{note}
```{figure} loss.png
:alt: A falling curve
Its caption.
```
````

:::{image} loss.png
---
alt: A falling curve
---
:::

> ```python
> r"\ref{sec}"  # shown, not meant
> ```

- item
  ```
  code
  ```
"""


def test_passes_clean_prose() -> None:
    assert faults_in_prose(CLEAN_PROSE) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("# A\n\n```{note}\nText\n\n## Swallowed\n", "line 3: the fence ```{note} is never closed"),
        ("# A\n\n:::{note}\nText\n", "line 3: the fence :::{note} is never closed"),
        ("# A\n\n````{note}\nText\n```python\ncode\n````\n", "line 5: the fence ```python is never closed"),
        ("- item\n  ```\n  code\n\nnot code\n", "line 2: the fence ``` is never closed"),
        ("# A\n\nSee \\ref{sec}.\n", "line 3: a LaTeX reference"),
        ("# A\n\nBy $x$ and $\\eqref{eq}$.\n", "a LaTeX reference"),
        ("# A\n\n$$\nx \\eqref{eq}\n$$\n", "a LaTeX reference"),
        ("# A\n\n```{math}\nx \\eqref{eq}\n```\n", "a LaTeX reference"),
        ("# A\n\n![](a.png)\n", "line 3: an image without alt text"),
        ("# A\n\n```{figure} a.png\nCaption\n```\n", "line 3: an image without alt text"),
        ("# A\n\n````{note}\n```{image} a.png\n:width: 9%\n```\n````\n", "line 4: an image without alt text"),
        ("# A\n\n```{image} a.png\n:alt:\n```\n", "an image without alt text"),
    ],
)
def test_catches_faults_in_prose(text: str, fault: str) -> None:
    assert any(fault in found for found in faults_in_prose(text))


def test_passes_a_clean_notebook_source() -> None:
    assert faults_in_notebook(HEADER + "# Title\n" + PARAMETERS + FIGURE) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("# Title\n" + PARAMETERS, "the header names no kernelspec"),
        (HEADER + "# Title\n", "0 cells are tagged 'parameters'"),
        (HEADER + "# Title\n" + PARAMETERS + PARAMETERS, "2 cells are tagged 'parameters'"),
        (
            HEADER + PARAMETERS + FIGURE.replace("alt: A falling curve.", "width: 9%"),
            "figure fig-loss: no alt",
        ),
    ],
)
def test_catches_faults_in_a_notebook_source(text: str, fault: str) -> None:
    assert any(fault in found for found in faults_in_notebook(text))


def executed(**failure: object) -> nbformat.NotebookNode:
    """Return an executed notebook of one cell; `failure` goes into the cell's papermill metadata."""
    cell = new_code_cell("1 / 1", outputs=[new_output("stream", text="1.0")])
    cell.metadata["papermill"] = {"status": "completed", "exception": False} | failure
    notebook: nbformat.NotebookNode = new_notebook(cells=[new_markdown_cell("# Title"), cell])
    notebook.metadata["papermill"] = {"exception": None}
    return notebook


def test_passes_an_executed_notebook() -> None:
    assert errors_in(executed()) == []


def test_catches_an_error_output() -> None:
    notebook = executed()
    notebook.cells[1].outputs = [new_output("error", ename="ValueError", evalue="too few", traceback=[])]
    assert errors_in(notebook) == ["cell 2: ValueError: too few"]


def test_catches_an_exception_that_papermill_reports() -> None:
    notebook = executed()
    notebook.metadata["papermill"]["exception"] = True
    assert errors_in(notebook) == ["papermill reports an exception"]


@pytest.mark.parametrize("status", ["pending", "running", "failed"])
def test_catches_a_cell_that_did_not_run_to_its_end(status: str) -> None:
    assert errors_in(executed(status=status)) == [f"cell 2: {status}"]


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Make a clean repository of one page, one notebook and its executed copy."""
    (tmp_path / "book").mkdir()
    (tmp_path / "notebooks" / "executed").mkdir(parents=True)
    (tmp_path / "book" / "page.md").write_text(CLEAN_PROSE)
    (tmp_path / "notebooks" / "one.md").write_text(HEADER + "# Title\n" + PARAMETERS)
    nbformat.write(executed(), tmp_path / "notebooks" / "executed" / "one.ipynb")
    return tmp_path


def test_command_passes_a_clean_book(book: Path) -> None:
    app = Typer()
    app.command()(main)
    assert CliRunner().invoke(app, [str(book)]).exit_code == 0


def test_command_names_each_file_at_fault(book: Path) -> None:
    (book / "book" / "page.md").write_text("```\nopen\n")
    (book / "notebooks" / "one.md").write_text(HEADER)
    nbformat.write(executed(status="pending"), book / "notebooks" / "executed" / "one.ipynb")
    assert [line.split(":")[0] for line in check(book)] == [
        "book/page.md",
        "notebooks/one.md",
        "notebooks/executed/one.ipynb",
    ]
    app = Typer()
    app.command()(main)
    assert CliRunner().invoke(app, [str(book)]).exit_code == 1

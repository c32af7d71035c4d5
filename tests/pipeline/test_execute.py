"""One notebook, executed whole or not at all."""

import json
import os
import sys
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner, Result

from pipeline.execute import app
from tests.pipeline.project import Project, notebook

pytestmark = pytest.mark.slow
FAILING = "from pathlib import Path\nimport os\nPath(os.environ['LINTUNE_RECORDS'], 'half').touch()\n1 / 0"
DYING = "import os\nos._exit(9)"
TOLERATED = ":tags: [raises-exception]\n\n1 / 0"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "agg")
    return Project(tmp_path)


def run(*arguments: str, source: str = "notebooks/one.md") -> Result:
    return CliRunner().invoke(app, [source, "--profile", "smoke", "--out", "build/one", *arguments])


def contents(folder: Path) -> dict[str, bytes]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_results_are_put_in_place(project: Project) -> None:
    done = run("-p", "shots=5")
    assert done.exit_code == 0, done.output
    assert set(contents(Path("build/one"))) == {"done", "notebook.ipynb", "records/one.json"}
    assert Path("build/one/records/one.json").read_text() == "5"
    executed = nbformat.read("build/one/notebook.ipynb", as_version=4)
    assert [cell.id for cell in executed.cells] == [f"cell-{place}" for place in range(len(executed.cells))]
    assert str(project.root) not in Path("build/one/notebook.ipynb").read_text()
    assert project.executed() == ["one"]


def test_parameters_of_a_file_yield_to_the_command_line(project: Project) -> None:
    project.write("mine.yml", "shots: 7\nrate: 0.5\n")
    assert run("-f", "mine.yml", "-p", "rate=1e-4").exit_code == 0
    executed = nbformat.read("build/one/notebook.ipynb", as_version=4)
    assert executed.metadata.papermill.parameters == {"shots": 7, "rate": 1e-4}


def test_the_kernel_is_this_interpreter_whatever_kernels_the_user_has(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = project.root / "other/kernels/python3"
    other.mkdir(parents=True)
    spec = {"argv": ["/bin/false"], "display_name": "Another", "language": "python"}
    (other / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(project.root / "other"))
    code = "import sys, matplotlib\nprint(sys.executable)\nprint(matplotlib.get_backend())"
    project.write("notebooks/one.md", notebook(code))
    done = run()
    assert done.exit_code == 0, done.output
    printed = nbformat.read("build/one/notebook.ipynb", as_version=4).cells[-1].outputs[0].text.splitlines()
    assert Path(printed[0]).samefile(sys.executable)
    assert printed[1].endswith("inline")
    assert os.environ["JUPYTER_PATH"] == str(project.root / "other")


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ([FAILING], "----> 4 1 / 0\nZeroDivisionError: division by zero"),
        ([TOLERATED], "ZeroDivisionError: division by zero"),
        ([DYING], "its kernel stopped"),
    ],
)
def test_an_error_keeps_the_failed_notebook_and_the_earlier_results(
    project: Project, cells: list[str], told: str
) -> None:
    assert run().exit_code == 0
    before = contents(Path("build/one"))
    project.write("notebooks/one.md", notebook(*cells))
    failed = run()
    assert failed.exit_code == 1
    assert told in failed.stderr
    assert "build/failed/one.ipynb" in failed.stderr
    assert len(nbformat.read("build/failed/one.ipynb", as_version=4).cells) > 2
    assert contents(Path("build/one")) == before
    assert not list(Path("build/one").glob("running-*"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["-p", "shot=5"], "Did you mean 'shots'"),
        (["-p", "shots=many"], "parameter shots='many' is not of type int"),
        (["-p", "shots"], "expected NAME=VALUE"),
        (["-f", "none.yml"], "none.yml is not readable YAML"),
        (["--profile", "smok"], "Did you mean 'smoke'"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_starts(
    project: Project, arguments: list[str], told: str
) -> None:
    refused = run(*arguments)
    assert refused.exit_code == 2
    assert told in refused.stderr
    assert not (project.root / "build").exists()


def test_a_folder_that_cannot_be_written_is_told(project: Project) -> None:
    project.write("build", "a file in the way")
    failed = run()
    assert failed.exit_code == 1
    assert failed.stderr.startswith("error: ")


def test_results_of_a_killed_run_are_swept_away(project: Project) -> None:
    (project.root / "build/one/running-killed/records").mkdir(parents=True)
    assert run().exit_code == 0
    assert not list(Path("build/one").glob("running-*"))

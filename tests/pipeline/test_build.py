"""The build does what is not done yet, survives being killed, and does nothing twice."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.pipeline.project import ROOT, Project, notebook, wait_for

pytestmark = pytest.mark.slow
STAGED = ("--", "notebooks/executed/one.ipynb", "notebooks/executed/two.ipynb")  # leaves the rendering out
PREVIEW = "build/preview/_build/html"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def kill(project: Project, happened: Callable[[], bool], nap: float = 0) -> None:
    """Start a build and kill its processes, as a whole and without warning, once something has happened."""
    process = project.start(nap=nap)
    wait_for(happened)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_book_from_nothing_then_nothing_to_do(project: Project) -> None:
    code, said = project.build(profile="cpu")
    assert code == 0, said
    assert project.executed() == ["one", "two"]
    assert project.records("cpu") == {"one": "16", "two": "32"}
    page = project.root / "_build/html/index.html"
    assert page.as_uri() in said.splitlines()[-1]
    assert (project.root / PREVIEW / "index.html").as_uri() in said
    rendered = page.stat().st_mtime_ns

    code, said = project.build(profile="cpu")
    assert code == 0, said
    assert "Nothing to be done" in said
    assert page.as_uri() in said.splitlines()[-1]
    assert project.executed() == []
    assert page.stat().st_mtime_ns == rendered


def test_the_first_chapter_can_be_read_before_the_others_are_executed(project: Project) -> None:
    code, said = project.build("--", "build/preview/done", profile="cpu")
    assert code == 0, said
    assert project.executed() == ["one"]
    pages = {name: project.root / PREVIEW / f"notebooks/executed/{name}.html" for name in ("one", "two")}
    assert "has not been executed yet" not in pages["one"].read_text()
    assert "has not been executed yet" in pages["two"].read_text()


def test_a_change_re_runs_what_depends_on_it(project: Project) -> None:
    assert project.build(*STAGED)[0] == 0
    assert project.executed() == ["one", "two"]

    project.write("lintune/one.py", '"""A module."""\n\nVALUE = 3\n')
    assert project.build(*STAGED)[0] == 0
    assert project.executed() == ["one"]
    assert project.records()["one"] == "6"

    (project.root / "lintune/two.py").touch()
    (project.root / "lintune/errors.py").touch()  # no notebook imports it
    assert project.build(*STAGED)[0] == 0
    assert project.executed() == ["two"]

    project.write("notebooks/profiles.yml", "smoke: {one: {shots: 2}, two: {shots: 5}}\n")
    assert project.build(*STAGED)[0] == 0
    assert project.executed() == ["two"]
    assert project.records()["two"] == "10"


def test_profiles_are_kept_apart_and_the_book_shows_the_one_asked_for(project: Project) -> None:
    assert project.build(*STAGED)[0] == 0
    assert project.build(*STAGED, profile="cpu")[0] == 0
    assert project.executed() == ["one", "one", "two", "two"]
    assert project.records("smoke")["one"] == "2"
    assert project.records("cpu")["one"] == "16"
    staged = project.root / "notebooks/executed/one.ipynb"
    assert staged.read_bytes() == (project.root / "build/cpu/one/notebook.ipynb").read_bytes()

    assert project.build(*STAGED)[0] == 0
    assert project.executed() == []
    assert staged.read_bytes() == (project.root / "build/smoke/one/notebook.ipynb").read_bytes()


def test_a_failing_notebook_fails_the_build_and_leaves_the_results_before(project: Project) -> None:
    assert project.build(*STAGED)[0] == 0
    results = [project.root / f"build/smoke/one/{name}" for name in ("notebook.ipynb", "records/one.json")]
    before = [path.read_bytes() for path in results]
    project.write("notebooks/one.md", notebook("1 / 0"))
    for _ in range(2):  # a second run must not take what is left for finished
        code, said = project.build(*STAGED)
        assert code != 0
        assert "notebooks/one.md failed in cell" in said
        assert "ZeroDivisionError" in said
        assert [path.read_bytes() for path in results] == before
    assert (project.root / "build/smoke/failed/one.ipynb").exists()


def test_wrong_parameters_stop_the_build_before_any_notebook(project: Project) -> None:
    project.write("notebooks/profiles.yml", "smoke: {one: {}, two: {shot: 5}}\n")
    code, said = project.build()
    assert code == 2
    assert "parameter='shot' is not known. Did you mean 'shots'" in said
    assert project.executed() == []


def test_killed_while_a_notebook_runs_then_finished(project: Project) -> None:
    kill(project, (project.root / "executions").exists, nap=60)
    code, said = project.build(*STAGED)
    assert code == 0, said
    assert project.records() == {"one": "2", "two": "32"}
    assert not list(project.root.glob("build/smoke/*/running-*"))


def test_killed_while_the_book_is_rendered_then_rendered_anew(project: Project) -> None:
    page = project.root / "_build/html/book/intro.html"
    kill(project, page.exists)
    page.write_text("cut sho")
    code, said = project.build()
    assert code == 0, said
    assert project.executed() == ["one", "two"]
    assert "</html>" in page.read_text()


def test_a_warning_fails_the_book_each_time(project: Project) -> None:
    project.write("book/intro.md", "# Introduction\n\n{ref}`nowhere`\n")
    for _ in range(2):  # Sphinx warns of pages that it reads anew only
        code, said = project.build()
        assert code != 0
        assert "nowhere" in said


def test_a_second_build_waits_for_the_first(project: Project) -> None:
    first = project.start(*STAGED, nap=2)
    wait_for((project.root / "executions").exists)
    code, said = project.build(*STAGED)
    assert code == 0, said
    assert "Another process is building here; waiting" in said
    first.communicate()
    assert first.returncode == 0
    assert project.executed() == ["one", "two"]


def test_a_machine_without_a_named_profile_is_refused(project: Project) -> None:
    code, said = project.build("--machine", "machines/slurm", profile="")
    assert code == 2
    assert "profile has to be named" in said


def test_an_unknown_machine_is_refused_with_those_that_there_are(project: Project) -> None:
    shutil.copytree(ROOT / "machines", project.root / "machines")
    code, said = project.build("--machine", "machines/slum")
    assert code == 2
    assert "machine='machines/slum' holds no config.yaml; there are machines/slurm." in said
    assert project.executed() == []

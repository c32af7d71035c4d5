"""Both files of a kernel are replaced together, or neither is."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from lintune.cli import app
from lintune.errors import FetchError
from lintune.kernels import store
from tests.cli.given import save_model, save_task

SMALL = ("--shots", "3", "--longest", "32", "--dtype", "float64", "--test-examples", "4", "--force")


def run(root: Path, out: Path, method: str) -> int:
    given = ["--task", str(root / "films.yml"), "--model", str(root / "llama"), "--out", str(out)]
    return CliRunner().invoke(app, ["kernel", *given, *SMALL, "--method", method]).exit_code


@pytest.mark.parametrize("error", [FetchError("No space left"), KeyboardInterrupt()], ids=type)
def test_an_end_between_the_two_files_leaves_the_earlier_pair(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    root, out = tmp_path / "given", tmp_path / "found" / "K.safetensors"
    out.parent.mkdir()
    save_model(root, "llama")
    save_task(root)
    assert run(root, out, "norms") == 0
    before = {path.name: path.read_bytes() for path in out.parent.iterdir()}
    assert set(before) == {"K.safetensors", "K.cross.safetensors"}
    save = store.save
    written: list[object] = []

    def ending(*given: object, **more: object) -> None:
        if written:
            raise error
        save(*given, **more)  # type: ignore[arg-type]
        written.append(given)

    monkeypatch.setattr(store, "save", ending)
    assert run(root, out, "full") != 0
    assert written
    assert {path.name: path.read_bytes() for path in out.parent.iterdir()} == before

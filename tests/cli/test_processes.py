"""Commands under torchrun: what two processes find, and how they end when one of them does."""

import copy
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from lintune import adapters, records
from lintune.cli import app
from tests import torchrun
from tests.cli.given import save_model, save_task
from tests.tiny import pretrained

SMALL = ("--shots", "3", "--longest", "32", "--dtype", "float64", "--method", "lora", "--rank", "2")
# Work that would take many minutes: a killed process has to end it.
ENDLESS = {
    "finetune": ("--steps", "1000000", "--learning-rate", "1e-5"),
    "kernel": ("--shots", "11", "--memory", "1kB"),
}
WRITTEN = {"finetune": "out", "kernel": "out.safetensors"}
BAR = {"finetune": "fine-tuning:", "kernel": "tangent kernels:"}

# A rank whose options are its own: what stands after its number replaces what all are given.
APART = """
import os, sys
from lintune.cli import app
given, apart = sys.argv[1:-3], dict([sys.argv[-2:]])
if os.environ["RANK"] == sys.argv[-3]:
    given = [apart.get(before, each) for before, each in zip([""] + given, given)]
app(given)
"""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with models, task files and their data."""
    root = tmp_path_factory.mktemp("given")
    save_model(root, "llama")
    other = copy.deepcopy(pretrained("llama", torch.float32).model)
    next(other.parameters()).data[0, 0] += 1e-3
    shutil.copytree(root / "llama", root / "other")
    other.save_pretrained(root / "other")
    save_task(root)
    return root


def command(name: str, folder: Path, out: Path, *options: object) -> list[str]:
    given = ["--task", folder / "films.yml", "--model", folder / "llama", "--out", out / WRITTEN[name]]
    return [name, *map(str, [*given, *SMALL, *options])]


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def earlier(name: str, folder: Path, out: Path) -> dict[str, bytes]:
    """Let one process write a result, and return what is there."""
    few = ("--steps", "1", "--learning-rate", "0.1") if name == "finetune" else ()
    result = CliRunner().invoke(app, command(name, folder, out, *few))
    assert result.exit_code == 0, result.output
    return contents(out)


def wait_for(running: "subprocess.Popen[str]", text: str, times: int) -> None:
    """Return when a text has been printed some times."""
    assert running.stderr is not None
    seen = ""
    while seen.count(text) < times:
        more = running.stderr.read(1)
        assert more, f"it ended: {seen}"
        seen += more


def test_fine_tuning_by_two_processes_is_that_of_one(folder: Path, tmp_path: Path) -> None:
    given = ("--steps", "3", "--batch", "5", "--merged")
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    alone = CliRunner().invoke(app, command("finetune", folder, tmp_path / "one", *given))
    assert alone.exit_code == 0, alone.output
    running = torchrun.start(2, "-m", "lintune.cli", *command("finetune", folder, tmp_path / "two", *given))
    status, out, errors = torchrun.ended(running)
    assert (status, out.count("wrote "), errors) == (0, 1, [])
    assert {path.name for path in (tmp_path / "two").iterdir()} == {"out"}
    found, expected = (adapters.load(tmp_path / name / "out").values for name in ("two", "one"))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-10)
    two, one = (records.read(tmp_path / name / "out" / "run.json") for name in ("two", "one"))
    assert (two["parameters"]["processes"], one["parameters"]["processes"]) == (2, 1)
    for kind in ("before", "after"):
        assert two["data"][kind] == pytest.approx(one["data"][kind], rel=1e-8)
    assert two["data"]["side"]["share"] == pytest.approx(one["data"]["side"]["share"], rel=1e-6)
    for place in (0, -1):
        assert two["data"]["trials"][place] == pytest.approx(one["data"]["trials"][place], rel=1e-9)
    np.testing.assert_allclose(two["data"]["losses"], one["data"]["losses"], rtol=1e-10)
    assert (tmp_path / "two" / "out" / "merged" / "config.json").is_file()


@pytest.mark.parametrize(("name", "rank"), [("finetune", 0), ("kernel", 1)])
def test_a_killed_process_ends_the_others(folder: Path, tmp_path: Path, name: str, rank: int) -> None:
    before = earlier(name, folder, tmp_path)
    given = command(name, folder, tmp_path, *ENDLESS[name], "--force")
    running = torchrun.start(2, "-m", "lintune.cli", *given)
    wait_for(running, BAR[name], 2 + int(time.time()) % 5)  # at no moment in particular
    os.kill(torchrun.worker(running, rank), signal.SIGKILL)
    killed = time.monotonic()
    status, out, errors = torchrun.ended(running, 60)
    assert time.monotonic() - killed < 45
    assert (status, out) == (1, "")
    (line,) = errors
    assert f"rank {rank} of 2 is gone" in line
    assert "Give the command again" in line
    assert contents(tmp_path) == before
    assert not [path for path in tmp_path.rglob("*") if ".part" in path.name]


def test_a_silent_process_is_waited_for_as_long_as_asked(folder: Path, tmp_path: Path) -> None:
    given = command("finetune", folder, tmp_path, *ENDLESS["finetune"], "--patience", "3")
    running = torchrun.start(2, "-m", "lintune.cli", *given)
    wait_for(running, BAR["finetune"], 2)
    silent = torchrun.worker(running, 1)
    os.kill(silent, signal.SIGSTOP)
    stopped = time.monotonic()
    wait_for(running, "error: rank 1 of 2 is gone", 1)
    assert 3 < time.monotonic() - stopped < 30
    os.kill(silent, signal.SIGCONT)  # or torchrun waits half a minute before it ends it by force
    assert torchrun.ended(running, 60)[0] == 1
    assert list(tmp_path.iterdir()) == []


def test_processes_that_are_told_to_end_leave_nothing(folder: Path, tmp_path: Path) -> None:
    given = command("finetune", folder, tmp_path, *ENDLESS["finetune"])
    running = torchrun.start(2, "-m", "lintune.cli", *given)
    wait_for(running, BAR["finetune"], 2)
    running.send_signal(signal.SIGTERM)
    status, _, (line,) = torchrun.ended(running, 60)
    assert status != 0
    assert "the processes were told to end" in line
    assert list(tmp_path.iterdir()) == []


def test_what_one_process_refuses_ends_all(folder: Path, tmp_path: Path) -> None:
    """The second has a task file of its own, whose data are not there."""
    other = save_task(folder, "no-data", train="gone.csv")
    program = tmp_path / "program.py"
    program.write_text(APART)
    before = contents(tmp_path)
    given = command("kernel", folder, tmp_path)
    status, out, errors = torchrun.ended(torchrun.start(2, program, *given, 1, "--task", other))
    assert (status, out) == (1, "")
    (line,) = errors
    assert "rank 1 of 2 stopped: " in line
    assert "gone.csv" in line
    assert contents(tmp_path) == before


def test_processes_with_other_weights_are_refused(folder: Path, tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(APART)
    given = command("finetune", folder, tmp_path)
    running = torchrun.start(2, program, *given, 1, "--model", folder / "other")
    status, _, (line,) = torchrun.ended(running)
    assert status == 1
    assert "the model's weights: not the same on all processes; on rank 1 other than on rank 0" in line
    assert list(tmp_path.iterdir()) == [program]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--steps", "20", "--optimizer", "sgd", "--learning-rate", "1e200"), "is not finite at step"),
        (("--device", "cuda:0"), "device='cuda:0' for 2 processes on a machine with"),
        (("--out", "{out}"), "is there already; --force"),
    ],
)
def test_what_all_refuse_is_said_once(
    folder: Path, tmp_path: Path, options: tuple[str, ...], complaint: str
) -> None:
    given = command("finetune", folder, tmp_path, *(each.replace("{out}", str(tmp_path)) for each in options))
    status, out, (line,) = torchrun.ended(torchrun.start(2, "-m", "lintune.cli", *given))
    assert (status, out) == (1, "")
    assert complaint in line
    assert list(tmp_path.iterdir()) == []


def test_more_processes_than_examples(folder: Path, tmp_path: Path) -> None:
    """Two examples, three processes: the third has nothing to add."""
    for name in ("one", "three"):
        (tmp_path / name).mkdir()
    few = ("--shots", "1", "--steps", "2", "--learning-rate", "0.01", "--test-examples", "2", "--batch", "1")
    alone = CliRunner().invoke(app, command("finetune", folder, tmp_path / "one", *few))
    assert alone.exit_code == 0, alone.output
    given = command("finetune", folder, tmp_path / "three", *few)
    status, _, errors = torchrun.ended(torchrun.start(3, "-m", "lintune.cli", *given))
    assert (status, errors) == (0, [])
    found, expected = (adapters.load(tmp_path / name / "out").values for name in ("three", "one"))
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-10)

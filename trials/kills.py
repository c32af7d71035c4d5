"""Kill a build over and over at random moments, and see whether anything is lost.

    python -m trials.kills --times 20 --profile smoke --seed 0 --only two_weights --only recovery

Copies the working tree twice. One copy is built in peace; in the other, the build's process group is killed
without warning at random moments, and it is begun anew each time, and at last left to end. Then both must
hold the same records, but for when they were made and what was measured, whole notebooks, and nothing half
written. The moments spread over the work of one build: after a kill before which nothing was finished the
next may take twice as long to come, so that long notebooks and the pages get their turn. Where a build ends
before its kill, the notebooks count as changed and their results are made again on top of those that are
there.
"""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import nbformat
import typer

from lintune import records
from lintune.errors import CorruptFileError
from trials.repeat import compared
from trials.targets import REFUSALS

_LEFT_BEHIND = ("running-*", "*.part", "*.filling", "replaced")
_AT_WORK = re.compile(r"^Job \d+: (Executing|Staging|Rendering)\b", re.MULTILINE)  # as Snakemake says it
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


class Lost(RuntimeError):
    """Something was lost, half written or wrong."""


@dataclass
class Build:
    """A project's folder and what is built in it.

    Attributes:
        root: The project's folder.
        profile: The profile of its notebooks.
        only: Names of the notebooks to build; none for the whole book.
        environment: Added to the environment of the build.
    """

    root: Path
    profile: str
    only: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def start(self) -> subprocess.Popen[bytes]:
        """Start building, in a process group of its own; what is said goes to `said` beside the folder."""
        targets = ["--", *(f"notebooks/executed/{name}.ipynb" for name in self.only)] if self.only else []
        with self.log.open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "pipeline.build", "--profile", self.profile, *targets],
                cwd=self.root,
                env=os.environ | self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def log(self) -> Path:
        """What the last build said."""
        return self.root.with_name(f"{self.root.name}.said")

    def finish(self) -> float:
        """Build to the end and return the seconds that it took.

        Raises:
            Lost: The build fails.
        """
        began = time.monotonic()
        if code := self.start().wait():
            raise Lost(f"the build ended with {code}:\n{self.log.read_text(errors='replace')[-3000:]}")
        return time.monotonic() - began

    def at_work(self) -> str:
        """Return what the last build was doing when it ended: the job that it began last."""
        begun = _AT_WORK.findall(self.log.read_text(errors="replace"))
        return str(begun[-1]).lower() if begun else "planning"

    def touch(self) -> None:
        """Let the notebooks count as changed."""
        for name in self.only or (path.stem for path in (self.root / "notebooks").glob("*.md")):
            (self.root / f"notebooks/{name}.md").touch()

    @property
    def results(self) -> Path:
        """Folder of the runs, with a folder for each notebook."""
        return self.root / "build" / self.profile

    def runs(self) -> dict[str, Path]:
        """Return the folder of each notebook's run."""
        return {path.parent.name: path.parent for path in sorted(self.results.glob("*/notebook.ipynb"))}

    def progress(self) -> set[tuple[Path, int]]:
        """Return what is finished, with when it was: executed notebooks, in place and staged."""
        ended = [*self.results.glob("*/done"), *self.root.glob("notebooks/executed/*.ipynb")]
        return {(path, path.stat().st_mtime_ns) for path in ended}


def kill(build: Build, after: float) -> str | None:
    """Start a build and kill all its processes after some seconds.

    Returns:
        What it was doing; None where it had ended before.

    Raises:
        Lost: It had ended with an error.
    """
    process = build.start()
    try:
        code = process.wait(timeout=after)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return build.at_work()
    if code:
        raise Lost(f"the build ended with {code}:\n{build.log.read_text(errors='replace')[-3000:]}")
    return None


def check_whole(build: Build) -> None:
    """Check that results which are in place are whole: at any moment, also after a kill.

    Raises:
        Lost: Names the file.
    """
    for run in build.runs().values():
        _check_notebook(run / "notebook.ipynb")
        for path in run.glob("records/*.json"):
            _read(path)


def check_finished(build: Build) -> None:
    """Check what a build that has ended leaves: staged results whole, nothing half written, nothing to do.

    Raises:
        Lost: Names the file, or says what is still to be done.
    """
    check_whole(build)
    for place in ("build", "notebooks/executed", "results"):
        for pattern in _LEFT_BEHIND:
            if left := sorted((build.root / place).rglob(pattern)):
                raise Lost(f"{left[0]} was left behind, and {len(left) - 1} more.")
    for path in (build.root / "notebooks/executed").glob("*.ipynb"):
        _check_notebook(path)
    for path in (build.root / "notebooks/executed/records").glob("*.json"):
        _read(path)
    build.finish()
    if "Nothing to be done" not in build.log.read_text(errors="replace"):
        raise Lost(f"a build that had ended had more to do:\n{build.log.read_text(errors='replace')[-2000:]}")


def differences(calm: Build, killed: Build) -> list[str]:
    """Return in words where the records of two builds differ, but for when they ran and what they measured.

    Raises:
        InputError: A record of one is missing in the other.
    """
    table = compared(calm.results, killed.results)
    return [
        f"{row.record}: {row.beyond} differences, first {row.first}"
        for row in table[table.beyond > 0].itertuples()
    ]


def _read(path: Path) -> dict[str, Any]:
    try:
        return records.read(path)
    except CorruptFileError as error:
        raise Lost(str(error)) from error


def _check_notebook(path: Path) -> None:
    try:
        notebook = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
    except Exception as error:
        raise Lost(f"{path} is not whole: {error}") from error
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code" and cell.source.strip() and cell.execution_count is None:
            raise Lost(f"{path} is not whole: cell {place} was not executed.")


def trial(calm: Build, killed: Build, times: int, seed: int) -> dict[str, Any]:
    """Build one project in peace and the other under kills, and compare.

    Args:
        calm: A project.
        killed: The same project in another folder.
        times: How often to kill, at least 1.
        seed: Seed of the moments.

    Returns:
        The kills, each with its moment in seconds and what the build was doing, and how long both took.

    Raises:
        Lost: A record differs, is missing or damaged; a notebook is not whole; something was left behind.
    """
    taken = calm.finish()
    draw = random.Random(seed)
    kills: list[dict[str, Any]] = []
    planning, began = _until_work(killed), time.monotonic()
    window = each = 2 * taken / times
    while len(kills) < times:
        after, finished = draw.uniform(0, planning + window), killed.progress()
        doing = kill(killed, after)
        check_whole(killed)
        moved = doing is None or killed.progress() != finished
        window = each if moved else min(2 * window, taken)
        if doing is None:
            killed.touch()
            continue
        kills.append({"after": round(after, 2), "doing": doing})
        typer.echo(f"kill {len(kills)} of {times}: after {after:.1f} s, {doing}")
    killed.finish()
    check_finished(killed)
    lost = differences(calm, killed)
    if lost:
        raise Lost("\n".join([f"{len(lost)} differences:", *lost[:20]]))
    return {
        "kills": kills,
        "stages": dict(Counter(each["doing"] for each in kills)),
        "compared": {
            name: sorted(path.name for path in run.glob("records/*")) for name, run in calm.runs().items()
        },
        "lost": len(lost),
        "seconds": {"in peace": round(taken, 1), "under kills": round(time.monotonic() - began, 1)},
    }


def _until_work(build: Build) -> float:
    """Return how many seconds a build takes until its first job, which is then killed."""
    process, began = build.start(), time.monotonic()
    while process.poll() is None and build.at_work() == "planning":
        time.sleep(0.1)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return time.monotonic() - began


def copied(repository: Path, folder: Path) -> Path:
    """Copy the files of a working tree that git knows or does not ignore."""
    listed = ["git", "-C", str(repository), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        if (repository / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(repository / name, folder / name)
    return folder


@app.command()
def main(
    times: Annotated[int, typer.Option(min=1, help="How often to kill.")] = 20,
    profile: Annotated[str, typer.Option(help="Profile of the notebooks.")] = "smoke",
    seed: Annotated[int, typer.Option(help="Seed of the moments.")] = 0,
    only: Annotated[list[str] | None, typer.Option(help="A notebook to build; may be repeated.")] = None,
    out: Annotated[Path, typer.Option(help="Where the report goes.")] = Path("build/trials/kills.json"),
) -> None:
    """Kill builds at random moments; ends with 1 where anything is lost."""
    stopwatch, names = records.Stopwatch(), tuple(only or ())
    with tempfile.TemporaryDirectory(prefix="kills-") as folder:
        calm = Build(copied(Path.cwd(), Path(folder) / "calm"), profile, names)
        killed = Build(Path(shutil.copytree(calm.root, Path(folder) / "killed")), profile, names)
        try:
            found = trial(calm, killed, times, seed)
        except (Lost, *REFUSALS) as error:
            typer.echo(f"error: {error}", err=True)
            raise typer.Exit(1) from error
    parameters = {"times": times, "profile": profile, "seed": seed, "only": list(names)}
    records.write(
        out.stem,
        found,
        parameters=parameters,
        inputs={},
        device="cpu",
        dtype="float32",
        stopwatch=stopwatch,
        path=out,
    )
    typer.echo(f"{times} kills, nothing lost: {json.dumps(found['stages'])}; the report is {out}")


if __name__ == "__main__":
    app()

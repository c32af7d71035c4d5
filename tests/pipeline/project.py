"""A project of two small notebooks, built by the real pipeline in a folder of its own."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEADER = """---
jupytext:
  text_representation:
    extension: .md
    format_name: myst
kernelspec:
  display_name: Python 3
  language: python
  name: python3
---
"""
PARAMETERS = "shots: int = 16  # examples per class, a=b\nrate: float | None = None"
WORK = """import os
import time
from pathlib import Path

from lintune import {name}

with Path("executions").open("a") as log:
    log.write("{name}\\n")
time.sleep(float(os.environ.get("NAP", 0)))
Path(os.environ["LINTUNE_RECORDS"], "{name}.json").write_text(f"{{{name}.VALUE * shots}}")"""


def notebook(*cells: str, parameters: str | None = PARAMETERS) -> str:
    """Return the source of a notebook with a parameters cell and further code cells."""
    first = [] if parameters is None else [f":tags: [parameters]\n\n{parameters}"]
    return (
        HEADER
        + "\n# Notebook\n\n"
        + "\n\n".join(f"```{{code-cell}} ipython3\n{cell}\n```" for cell in [*first, *cells])
        + "\n"
    )


class Project:
    """Notebooks `one` and `two`, each on its own library module.

    Attributes:
        root: The project's folder.
    """

    def __init__(self, root: Path) -> None:
        """Make it in an empty folder."""
        self.root = root
        for folder in ("notebooks", "book", "lintune"):
            (root / folder).mkdir()
        shutil.copytree(ROOT / "pipeline", root / "pipeline", ignore=shutil.ignore_patterns("__pycache__"))
        for name in (
            "Snakefile",
            "requirements.lock",
            "lintune/errors.py",
            "lintune/records.py",
        ):
            shutil.copy(ROOT / name, root / name)
        self.write("lintune/__init__.py", '"""A library."""\n')
        for name, value in (("one", 1), ("two", 2)):
            self.write(f"lintune/{name}.py", f'"""A module."""\n\nVALUE = {value}\n')
            self.write(f"notebooks/{name}.md", notebook(WORK.format(name=name)))
        self.write("notebooks/profiles.yml", "smoke: {one: {shots: 2}, two: {}}\ncpu: {one: {}, two: {}}\n")
        asked = "each: {mem_mb: 4000, runtime: 15}"
        self.write("notebooks/resources.yml", f"smoke: {{{asked}}}\ncpu: {{{asked}}}\n")
        self.write("book/intro.md", "# Introduction\n")
        self.write("_config.yml", 'only_build_toc_files: true\nexecute: {execute_notebooks: "off"}\n')
        pages = "".join(f"  - file: notebooks/executed/{name}\n" for name in ("one", "two"))
        self.write("_toc.yml", f"format: jb-book\nroot: book/intro\nchapters:\n{pages}")

    def write(self, path: str, text: str) -> None:
        """Write a file below the root."""
        (self.root / path).write_text(text, encoding="utf-8")

    def start(self, *arguments: str, profile: str = "smoke", nap: float = 0) -> subprocess.Popen[str]:
        """Start a build in a process group of its own; each notebook sleeps for `nap` seconds."""
        return subprocess.Popen(
            [sys.executable, "-m", "pipeline.build", "--profile", profile, *arguments],
            cwd=self.root,
            env=os.environ | {"NAP": str(nap)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def build(self, *arguments: str, profile: str = "smoke") -> tuple[int, str]:
        """Build, and return the exit code and all that was said."""
        process = self.start(*arguments, profile=profile)
        said, _ = process.communicate()
        return process.returncode, said

    def executed(self) -> list[str]:
        """Return the notebooks executed since the last call."""
        log = self.root / "executions"
        names = sorted(log.read_text().split()) if log.exists() else []
        log.unlink(missing_ok=True)
        return names

    def records(self, profile: str = "smoke") -> dict[str, str]:
        """Return the records of each notebook."""
        found = sorted(self.root.glob(f"build/{profile}/*/records/*"))
        return {path.parts[-3]: path.read_text() for path in found}


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something has happened."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.02)

"""Resolve the dependencies into the locks: `make lock`.

uv resolves for all platforms and Pythons at once and notes the hashes of all archives that the registry has.
Two things it does not know. The packages that only a CUDA build of torch needs are split off, so that a CPU
build comes without them. And pip may be told of a place that has CPU builds of torch: those that it finds get
a lock of their own, for of two builds pip takes the one whose hash an index told it, and a folder tells none.
"""

import json
import logging
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement

from pipeline.requirements import BUILD, CPU, CUDA, LOCKS, MAIN, PEERS, ROOT, TOOLS, Pin, pins

log = logging.getLogger(__name__)

EXTRAS = ("book", "test", "cluster", "fuzz")
_PYTHONS = ("3.11", "3.12", "3.13")
_MACHINES = {"linux": ("x86_64", "aarch64"), "darwin": ("x86_64", "arm64")}
_HEADER = "# Made by `make lock`. Every archive has its hash; pip refuses any other.\n"


def main() -> None:
    """Resolve every lock and write them all, or none when one cannot be resolved.

    What the command line says is handed on to uv: `--upgrade`, or `--upgrade-package NAME`.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    extras = [part for extra in EXTRAS for part in ("--extra", extra)]
    more = sys.argv[1:]
    known = "".join(path.read_text(encoding="utf-8") for path in (MAIN, CUDA) if path.exists())
    everything = [pin for pin in pins(resolve(["pyproject.toml", *extras, *more], known)) if supported(pin)]
    cuda = cuda_alone(everything)
    rest = [pin for pin in everything if pin not in cuda]
    settings = project["tool"]["uv"]["pip"]
    (torch,) = [pin for pin in rest if pin.name == "torch"]
    made = {MAIN: written(rest, settings), CUDA: written(cuda, settings)}
    made[CPU] = written(cpu_builds(f"{torch.version}+cpu", CPU), settings)
    with tempfile.TemporaryDirectory() as scratch:
        same = Path(scratch) / "same.txt"  # what two locks share has one version
        same.write_text(made[MAIN], encoding="utf-8")
        asked = Path(scratch) / "build.in"
        asked.write_text("\n".join(project["build-system"]["requires"]), encoding="utf-8")
        rows: dict[Path, Sequence[str]] = {
            BUILD: [str(asked)],
            TOOLS: ["--group", "tools"],
            PEERS: ["--no-deps", "benchmarks/requirements.txt"],
        }
        for path, sources in rows.items():
            before = path.read_text(encoding="utf-8") if path.exists() else ""
            found = resolve([*sources, *more, "--constraint", str(same), "--no-annotate"], before)
            made[path] = written(pins(found), settings)
    for path in LOCKS:
        path.write_text(made[path], encoding="utf-8")


def resolve(sources: Sequence[str], known: str) -> str:
    """Let uv resolve what is declared; settings are in `[tool.uv.pip]` of pyproject.toml.

    Args:
        sources: What to resolve, as arguments of `uv pip compile`.
        known: The lock as it is: its pins stay unless what is declared has outgrown them.
    """
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "lock.txt"
        out.write_text(known, encoding="utf-8")
        uv = Path(sys.executable).with_name("uv")
        subprocess.run(
            [uv, "pip", "compile", "--quiet", *sources, "--output-file", out], cwd=ROOT, check=True
        )
        return out.read_text(encoding="utf-8")


def supported(pin: Pin) -> bool:
    """Return whether a pin is needed on Linux or macOS: uv resolves for every platform that there is."""
    places = [(platform, machine) for platform, machines in _MACHINES.items() for machine in machines]
    fulls = [f"{python}.{patch}" for python in _PYTHONS for patch in (0, 9)]
    return any(pin.needed(platform, machine, full) for platform, machine in places for full in fulls)


def cuda_alone(everything: Sequence[Pin]) -> list[Pin]:
    """Return the pins that only a CUDA build of torch needs: on Linux, asked for by torch or each other."""
    found = {pin for pin in everything if pin.needed("linux") and not pin.needed("darwin")}
    while True:  # from above, for they may ask for each other in a circle
        askers = {"torch"} | {pin.name for pin in found}
        stay = {pin for pin in found if pin.via <= askers}
        if stay == found:
            return [pin for pin in everything if pin in found]
        found = stay


def cpu_builds(version: str, known: Path) -> list[Pin]:
    """Return a pin for every Python and machine for which pip finds a CPU build of torch.

    Args:
        version: Version of that build.
        known: The lock as it is: what it holds of the same version stays where pip finds nothing.
    """
    before = pins(known.read_text(encoding="utf-8")) if known.exists() else []
    kept = {str(pin.requirement): pin for pin in before if pin.version == version}
    found = []
    for python in _PYTHONS:
        for machine in _MACHINES["linux"]:
            where = f"python_version == '{python}' and platform_machine == '{machine}'"
            pinned = f"torch=={version} ; {where} and sys_platform == 'linux'"
            if told := hash_of(f"torch=={version}", python, f"manylinux_2_28_{machine}"):
                found += pins(f"{pinned} \\\n    --hash=sha256:{told}\n")
            elif old := kept.get(str(Requirement(pinned))):
                found.append(old)
    return found


def hash_of(wanted: str, python: str, platform: str) -> str | None:
    """Return the hash of the wheel that pip finds for a Python and a platform tag, or None."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed"]
        command += ["--no-deps", "--only-binary=:all:", "--python-version", python, "--platform", platform]
        command += ["--target", scratch, "--report", str(report), wanted]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            log.warning("no %s for Python %s on %s is to be had here", wanted, python, platform)
            return None
        (found,) = json.loads(report.read_text(encoding="utf-8"))["install"]
        hashes: dict[str, str] = found["download_info"]["archive_info"]["hashes"]
        return hashes["sha256"]


def written(found: Sequence[Pin], settings: Mapping[str, Any]) -> str:
    """Return a lock as text, with the options that make pip take wheels alone where there are any."""
    names = {pin.name for pin in found}
    # In this order: pip forgets what it was told of single packages when it reads `:all:`.
    options = [f"--only-binary {name}\n" for name in settings["only-binary"]]
    options += [f"--no-binary {name}\n" for name in settings["no-binary"] if name in names]
    return _HEADER + "".join(options + [pin.text for pin in found])


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    main()

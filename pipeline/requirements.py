"""Lock files: what is pinned, where it is needed, by whom, and with which hashes."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from lintune.errors import CorruptFileError

ROOT = Path(__file__).parents[1]
BUILD = ROOT / "requirements.build.lock"
CPU = ROOT / "requirements.cpu.lock"
MAIN = ROOT / "requirements.lock"
CUDA = ROOT / "requirements.cuda.lock"
TOOLS = ROOT / "requirements.tools.lock"
PEERS = ROOT / "requirements.peers.lock"
LOCKS = (BUILD, CPU, MAIN, CUDA, TOOLS, PEERS)

_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})\b")
_VIA = re.compile(r"^ +# (?:via |  )(\S+)", re.MULTILINE)  # one beside the word, several below it


@dataclass(frozen=True)
class Pin:
    """One package of a lock.

    Attributes:
        name: Normalised name of the package.
        version: Its exact version.
        requirement: The pin without its hashes; its marker says where it is needed.
        hashes: SHA-256 of every archive that may be installed, lower-case hexadecimal.
        via: Who asks for it, by normalised name.
        text: Its lines in the lock.
    """

    name: str
    version: str
    requirement: Requirement
    hashes: frozenset[str]
    via: frozenset[str]
    text: str

    def needed(self, platform: str, machine: str = "x86_64", python: str = "3.11.9") -> bool:
        """Return whether a machine needs it.

        Args:
            platform: Its `sys.platform`.
            machine: Its `platform.machine()`.
            python: Full version of its Python.
        """
        short = ".".join(python.split(".")[:2])
        where = {"sys_platform": platform, "platform_machine": machine}
        where |= {"python_version": short, "python_full_version": python}
        return self.requirement.marker is None or self.requirement.marker.evaluate(where)


def pins(text: str) -> list[Pin]:
    """Read a lock as `uv pip compile` writes it; options and comments at the start of a line are no pins.

    Raises:
        CorruptFileError: A line is no pin of one exact version, or a pin has no hash.
    """
    return [_pin(block) for block in _blocks(text)]


def _blocks(text: str) -> Iterator[str]:
    found: list[str] = []
    for line in text.splitlines():
        if line[:1].isspace():
            if found:
                found[-1] += f"{line}\n"
        elif line and not line.startswith(("#", "-")):
            found.append(f"{line}\n")
    yield from found


def _pin(block: str) -> Pin:
    first = block.splitlines()[0].partition("--hash")[0].removesuffix("\\").strip()
    hashes = frozenset(_HASH.findall(block))
    try:
        requirement = Requirement(first)
    except InvalidRequirement as error:
        raise CorruptFileError(
            f"A lock holds the line {first!r}, which is no requirement: {error}"
        ) from error
    exact = re.fullmatch(r"==([^*,]+)", str(requirement.specifier))
    if exact is None or not hashes:
        raise CorruptFileError(
            f"A lock must pin {first!r} to one version (==) with the hashes of its archives"
        )
    via = frozenset(canonicalize_name(name) for name in _VIA.findall(block))
    return Pin(canonicalize_name(requirement.name), exact[1], requirement, hashes, via, block)

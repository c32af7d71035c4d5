"""The licences of all that is locked, as the packages state them: the page `book/dependencies.md`.

    build/tools/bin/python -m pipeline.licences

`make lock` writes the page with the locks. Only metadata are fetched, for every pin, whether it is installed
here or not; it takes Linux, for which there is an archive of each.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from lintune.errors import InputError
from pipeline.requirements import BUILD, CUDA, MAIN, PEERS, ROOT, TOOLS, Pin, pins

PAGE = ROOT / "book" / "dependencies.md"

# What asks for no more than to be named, or, as the MPL, that changes to its own files stay open.
ALLOWED = frozenset(
    ["0BSD", "Apache-2.0", "BSD", "BSD-2-Clause", "BSD-3-Clause", "BSL-1.0", "CC0-1.0", "CNRI-Python", "ISC"]
    + ["LLVM-exception", "MIT", "MIT-CMU", "MPL-2.0", "PSF-2.0", "Zlib"]
)

# Taken all the same, each with its licence and the reason.
_NVIDIA = ("LicenseRef-NVIDIA-Proprietary", "NVIDIA's own terms; they come with a CUDA build of torch alone")
EXCEPTIONS = {
    "cuda-toolkit": _NVIDIA,
    "docutils": (
        "Public-Domain AND PSF-2.0 AND BSD-2-Clause AND GPL-3.0",
        "the GPL is that of its Emacs mode alone",
    ),
    "nvidia-cublas": _NVIDIA,
    "nvidia-cuda-cupti": _NVIDIA,
    "nvidia-cuda-nvrtc": _NVIDIA,
    "nvidia-cuda-runtime": _NVIDIA,
    "nvidia-cudnn-cu13": _NVIDIA,
    "nvidia-cufft": _NVIDIA,
    "nvidia-cufile": _NVIDIA,
    "nvidia-curand": _NVIDIA,
    "nvidia-cusolver": _NVIDIA,
    "nvidia-cusparse": _NVIDIA,
    "nvidia-cusparselt-cu13": _NVIDIA,
    "nvidia-nccl-cu13": _NVIDIA,
    "nvidia-nvjitlink": _NVIDIA,
    "nvidia-nvshmem-cu13": _NVIDIA,
    "nvidia-nvtx": _NVIDIA,
}

# No metadata: read in the licence file of the archive, or, for traker, of its repository.
UNSTATED = {
    "atheris": "Apache-2.0",
    "axe-playwright-python": "MIT",
    "conda-inject": "MIT",
    "snakemake-interface-common": "MIT",
    "snakemake-interface-logger-plugins": "MIT",
    "snakemake-interface-report-plugins": "MIT",
    "snakemake-interface-scheduler-plugins": "MIT",
    "snakemake-interface-storage-plugins": "MIT",
    "traker": "MIT",
}

# The classifiers and free texts that packages use, by what SPDX calls them.
_SPDX = {
    "Apache 2.0": "Apache-2.0",
    "Apache 2.0 License": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD",  # it does not say with how many clauses
    "DFSG approved": "",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}

_SECTIONS = {
    MAIN: ("environment", "The environment", "What `make env` installs, on one platform or another"),
    CUDA: (
        "cuda",
        "Beside a CUDA build of torch",
        "What a torch with CUDA needs on Linux; a CPU build comes without",
    ),
    BUILD: (
        "build",
        "To build packages",
        "What builds lintune itself and the packages published as source alone",
    ),
    TOOLS: (
        "tools",
        "To resolve and look through the locks",
        "What `make lock`, `make audit` and `make sbom` use",
    ),
    PEERS: ("peers", "Tools to compare with", "What `make benchmark` measures lintune against"),
}


def main() -> None:
    """Write the page.

    Raises:
        InputError: A licence that is not allowed, or that nobody has named by its SPDX identifier yet.
    """
    locked = {path: pins(path.read_text(encoding="utf-8")) for path in _SECTIONS}
    licences = stated(pin for found in locked.values() for pin in found)
    if faults := [fault for found in locked.values() for fault in refused(found, licences)]:
        raise InputError("\n".join(sorted(set(faults))))
    PAGE.write_text(page(locked, licences), encoding="utf-8")


def stated(locked: Iterable[Pin]) -> dict[str, str]:
    """Ask the registry for the metadata of pins; return the licence of each `name==version`."""
    names = sorted({f"{pin.name}=={pin.version}" for pin in locked})
    found: dict[str, str] = {}
    rest = names
    while rest:  # a package that two Pythons take in two versions is asked for twice
        once = {name.partition("==")[0]: name for name in rest}
        for metadata in _metadata(once.values()):
            name = re.sub(r"[-_.]+", "-", metadata["name"]).lower()
            found[once[name]] = licence(name, metadata)
        rest = [name for name in rest if name not in found]
    return found


def _metadata(names: Iterable[str]) -> list[Mapping[str, Any]]:
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--dry-run",
            "--ignore-installed",
            "--no-deps",
        ]
        subprocess.run([*command, "--report", str(report), *names], check=True)
        return [entry["metadata"] for entry in json.loads(report.read_text(encoding="utf-8"))["install"]]


def licence(name: str, metadata: Mapping[str, Any]) -> str:
    """Return the licence of a package as an SPDX expression, or in its own words where they are not known.

    Args:
        name: Normalised name of the package.
        metadata: Its core metadata, as in pip's report.
    """
    if name in EXCEPTIONS:
        return EXCEPTIONS[name][0]
    classifiers = [
        line.split(" :: ")[-1] for line in metadata.get("classifier", []) if line.startswith("License")
    ]
    text = str(metadata.get("license") or "").strip()
    written = metadata.get("license_expression") or (text if allowed(_SPDX.get(text, text)) else "")
    if written:
        return _SPDX.get(written, written)
    named = [_SPDX.get(one, one) for one in classifiers]
    return " AND ".join(one for one in named if one) or text.partition("\n")[0] or UNSTATED.get(name, "")


def allowed(expression: str) -> bool:
    """Return whether every licence in an SPDX expression is allowed; of alternatives all must be."""
    names = [name for name in re.split(r"[()\s]+|\b(?:AND|OR|WITH)\b", expression) if name]
    return bool(names) and ALLOWED.issuperset(names)


def refused(locked: Iterable[Pin], licences: Mapping[str, str]) -> list[str]:
    """Return a sentence for every pin whose licence may not be taken."""
    return [
        f"{pin.name} {pin.version} has the licence {licences[f'{pin.name}=={pin.version}']!r}: put it into "
        "ALLOWED, EXCEPTIONS, UNSTATED or _SPDX of pipeline/licences.py, or do without the package"
        for pin in locked
        if pin.name not in EXCEPTIONS and not allowed(licences[f"{pin.name}=={pin.version}"])
    ]


def page(locked: Mapping[Path, Iterable[Pin]], licences: Mapping[str, str]) -> str:
    """Return the page: a table for every lock, and the exceptions with their reasons."""
    text = """# Dependencies and their licences

`make lock` writes this page, from the locks and from what the packages say of themselves. A licence that is
not on the list in `pipeline/licences.py` stops it; the exceptions stand at the end. What a lock is good for,
and what it is not, says {doc}`security`.
"""
    for path, (name, title, caption) in _SECTIONS.items():
        rows = [
            f"| `{pin.name}` | {pin.version} | {licences[f'{pin.name}=={pin.version}']} |"
            for pin in locked[path]
        ]
        text += (
            f"\n## {title}\n\n:::{{table}} {caption} (`{path.name}`)\n:name: table-dependencies-{name}\n\n"
        )
        text += "\n".join(["| package | version | licence |", "| :--- | :--- | :--- |", *rows]) + "\n:::\n"
    text += "\n## Exceptions\n\n:::{table} Licences that are not on the list, and why they are taken\n"
    text += ":name: table-dependencies-exceptions\n\n| package | licence | why |\n| :--- | :--- | :--- |\n"
    return (
        text
        + "".join(f"| `{name}` | {what} | {why} |\n" for name, (what, why) in EXCEPTIONS.items())
        + ":::\n"
    )


if __name__ == "__main__":
    main()

"""What notebooks ask of a cluster, kept in `notebooks/resources.yml`."""

from pathlib import Path
from typing import Any

import yaml

from lintune.errors import InputError, unknown_name
from pipeline import sources

KINDS = ("mem_mb", "runtime")


def load(profile: str, folder: Path = sources.FOLDER) -> dict[str, dict[str, int]]:
    """Return memory in MB (`mem_mb`) and minutes (`runtime`) that each notebook asks for in a profile.

    Raises:
        InputError: The file has no such profile, names a notebook that does not exist, or asks for anything
            else than positive whole numbers of either.
    """
    path = folder / "resources.yml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise InputError(f"{path} is not readable YAML: {error}") from error
    if not isinstance(content, dict) or profile not in content:
        raise unknown_name(f"{path}: profile", profile, content if isinstance(content, dict) else [])
    asked = content[profile]
    if not isinstance(asked, dict) or set(asked.get("each") or {}) != set(KINDS):
        raise InputError(f"{path}, profile {profile}: expected `each: {{mem_mb: ..., runtime: ...}}`.")
    known = sources.all_sources(folder)
    for name, kinds in asked.items():
        if name != "each" and name not in known:
            raise unknown_name(f"{path}, profile {profile}: notebook", name, known)
        _check(f"{path}, profile {profile}, {name}", kinds)
    return {name: asked["each"] | asked.get(name, {}) for name in known}


def gpus(parameters: dict[str, Any]) -> int:
    """Return how many GPUs a notebook with these parameters uses: one where its device is one."""
    return int(str(parameters.get("device", "cpu")).startswith("cuda"))


def _check(where: str, kinds: Any) -> None:
    good = isinstance(kinds, dict) and set(kinds) <= set(KINDS)
    if not good or not all(type(number) is int and number > 0 for number in kinds.values()):
        raise InputError(f"{where}: {kinds!r}, expected {{mem_mb: MB, runtime: minutes}}, whole numbers.")

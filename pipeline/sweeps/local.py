"""The local files behind the names of a sweep: a change of one runs anew what was computed from it."""

from pathlib import Path

import yaml


def files_of(name: str) -> list[str]:
    """Return the files of a model's folder, or a task file with its data; none for other names."""
    path = Path(name)
    if path.is_dir():
        return sorted(str(each) for each in path.iterdir() if each.is_file() and each.name[0] != ".")
    if path.suffix not in (".yml", ".yaml") or not path.is_file():
        return []
    beside = (path.parent / value for value in _texts(path))
    return [str(path), *sorted({str(each) for each in beside if each.is_file()})]


def _texts(path: Path) -> list[str]:
    """Return the values of a task file that may name a file."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, yaml.YAMLError):
        return []  # whoever loads the task says so
    return [each for each in content.values() if isinstance(each, str)] if isinstance(content, dict) else []

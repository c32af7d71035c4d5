"""Profiles: named sets of notebook parameters, kept in `notebooks/profiles.yml`."""

from pathlib import Path
from typing import Any

from lintune.errors import InputError, unknown_name
from pipeline import parameters, sources


def fitting() -> str:
    """Return the profile that fits this machine: `gpu` where torch sees one, otherwise `cpu`."""
    import torch  # takes seconds, and whoever names a profile does not need it

    return "gpu" if torch.cuda.is_available() else "cpu"


def load(profile: str, folder: Path = sources.FOLDER) -> dict[str, dict[str, Any]]:
    """Return the parameters of every notebook in a profile.

    Raises:
        InputError: The profile is unknown, or it leaves a notebook out or names one that does not exist.
    """
    path = folder / "profiles.yml"
    content = parameters.read_yaml(path)
    if not isinstance(content, dict) or not all(isinstance(entry, dict) for entry in content.values()):
        raise InputError(f"{path}: expected profiles, each with lines like `notebook: {{parameter: value}}`.")
    if profile not in content:
        raise unknown_name("profile", profile, map(str, content))
    chosen = {name: {} if given is None else given for name, given in content[profile].items()}
    _match(chosen, sources.all_sources(folder), f"{path}, profile {profile}")
    return chosen


def _match(chosen: dict[str, dict[str, Any]], known: dict[str, Path], where: str) -> None:
    for name, given in chosen.items():
        if name not in known:
            raise unknown_name(f"{where}: notebook", name, known)
        if not isinstance(given, dict):
            raise InputError(f"{where}: {name}={given!r}, expected {{parameter: value}}.")
    if left_out := sorted(set(known) - set(chosen)):
        raise InputError(
            f"{where}: no line for {', '.join(left_out)}; `{left_out[0]}: {{}}` takes its defaults."
        )


def checked(profile: str, folder: Path = sources.FOLDER) -> dict[str, dict[str, Any]]:
    """Return what `load` returns, after checking every name and type against the notebooks.

    Raises:
        InputError: As `load`, and for parameters that a notebook does not have or of another type.
    """
    chosen = load(profile, folder)
    for name, source in sources.all_sources(folder).items():
        parameters.check(source, chosen[name])
    return chosen


def of_notebook(profile: str, source: Path) -> dict[str, Any]:
    """Return one notebook's parameters in a profile.

    Raises:
        InputError: As `load`, and for a notebook that is not in the profile.
    """
    chosen = load(profile, source.parent)
    if source.stem not in chosen:
        raise unknown_name("notebook", source.stem, chosen)
    return chosen[source.stem]

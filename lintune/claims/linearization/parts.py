"""Parts of a record by their names."""

from typing import Any

from lintune.claims.evidence import NotRun


def part(data: Any, *names: str) -> Any:
    """Return what lies at a path of names in a record's data.

    Raises:
        NotRun: A name is not there, or nothing is under it.
    """
    found = data
    for name in names:
        if not isinstance(found, dict) or name not in found:
            raise NotRun(f"no {name} in the record")
        found = found[name]
    if found is None or found in ({}, []):
        raise NotRun(f"nothing under {names[-1]} in the record")
    return found

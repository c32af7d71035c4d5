"""Numbers and names in words, for sentences that hold whichever way they come out."""

from collections.abc import Iterable


def several(number: int, thing: str) -> str:
    """Return a number with what it counts, such as `1 draw` or `3 draws`."""
    return f"{number} {thing}{'' if number == 1 else 's'}"


def listed(names: Iterable[object]) -> str:
    """Return names as text, the last one after an "and"; nothing for no names."""
    words = list(map(str, names))
    if not words:
        return ""
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last

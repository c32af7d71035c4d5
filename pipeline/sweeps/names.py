"""Names as parts of paths, and back: any text becomes a file name that no shell or file system minds."""

from urllib.parse import quote, unquote

from lintune.errors import InputError

# What usual file systems take.
_LONGEST = 255


def to_path(name: str) -> str:
    """Return a name as one part of a path, of letters, digits and `_.-~` alone.

    Every other byte becomes `~` with its two hexadecimal digits, and so does a dot at the beginning.

    Raises:
        InputError: Nothing, or more than a file name can hold.
    """
    found = quote(name, safe="").replace("~", "%7E").replace("%", "~")
    if found.startswith("."):
        found = f"~2E{found[1:]}"
    if not 0 < len(found) <= _LONGEST - len(".json"):
        raise InputError(
            f"name={name!r} makes a file name of {len(found)} characters; 1 to 250 are possible."
        )
    return found


def from_path(part: str) -> str:
    """Return the name that `to_path` made a part of a path of."""
    return unquote(part.replace("~", "%"), errors="strict")

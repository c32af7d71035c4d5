"""What lintune raises: errors that name the argument, its value and what would be accepted."""

import difflib
from collections.abc import Iterable


class InputError(ValueError):
    """An argument is wrong. Raised before any expensive work."""


class CorruptFileError(RuntimeError):
    """A file on disk is not what it was when it was written or published."""


class FetchError(RuntimeError):
    """Something could not be fetched or stored: registry unreachable, disk full, cache read-only."""


class DivergedError(RuntimeError):
    """A training run left the finite numbers. Says at which step, and with which setting."""


class MethodError(InputError):
    """A fine-tuning method is not what it says it is. Names the property that fails, with its numbers."""


def unknown_name(argument: str, value: object, known: Iterable[str]) -> InputError:
    """Return the error for a name that is not among the known ones, with the nearest of them.

    Args:
        argument: Name of the argument, as the caller knows it.
        value: The value that was passed.
        known: The names that are accepted.
    """
    names = sorted(known)
    near = difflib.get_close_matches(str(value).lower(), names, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return InputError(f"{argument}={value!r} is not known.{hint} Accepted: {', '.join(names)}.")

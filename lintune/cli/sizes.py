"""Sizes of memory as people write them."""

import re

from lintune.errors import InputError

_UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}
_BINARY = {"ki": 2**10, "mi": 2**20, "gi": 2**30, "ti": 2**40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]i?)?b?", re.IGNORECASE)


def memory_bytes(memory: str) -> int:
    """Return how many bytes a size such as `6GB`, `512 MiB` or `1000000` is.

    Raises:
        InputError: It is no size, or less than a byte.
    """
    found = _SIZE.fullmatch(memory.strip())
    size = float(found[1]) * (_UNITS | _BINARY)[(found[2] or "").lower()] if found else 0
    if size < 1:
        raise InputError(f"memory={memory!r} is not a size; write it like 6GB, 512MiB or 800000000 (bytes).")
    return int(size)

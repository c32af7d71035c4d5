"""Numbers of parameters and times, as people write them and as they read them."""

import re
from collections.abc import Sequence

from lintune.advise import Budget
from lintune.errors import InputError

_THOUSANDS = {"": 1, "k": 10**3, "K": 10**3, "M": 10**6, "B": 10**9, "G": 10**9}
_SECONDS = {"s": 1, "sec": 1, "min": 60, "h": 3600}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([A-Za-z]*)")


def budget_of(texts: Sequence[str]) -> Budget:
    """Return the budget that texts such as `500k`, `10min` or `2M,1h` give; without any, no bound.

    Raises:
        InputError: A part is neither a number of parameters nor a time, is not positive, or is the second
            of its kind.
    """
    found: dict[str, float] = {}
    for text in texts:
        for part in text.split(","):
            kind, value = _read(part.strip())
            if kind in found:
                raise InputError(f"budget={','.join(texts)!r} gives {kind} twice; give one bound.")
            found[kind] = value
    parameters = found.get("parameters")
    return Budget(None if parameters is None else int(parameters), found.get("seconds"))


def _read(part: str) -> tuple[str, float]:
    read = _PART.fullmatch(part)
    for kind, units in (("parameters", _THOUSANDS), ("seconds", _SECONDS)):
        if read and read[2] in units:
            # Rounded: 1.1M is not 1,100,000 to the last bit.
            value = round(float(read[1]) * units[read[2]], 6)
            if kind == "seconds" or value.is_integer():
                return kind, value
    raise InputError(
        f"budget={part!r} is none; write parameters like 500k, 2M or 120000, a time like 90s, 10min or "
        "1h, or both with a comma."
    )


def amount(count: float) -> str:
    """Return a count with three digits at most: `640`, `30.7k`, `2.36M`."""
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if count >= 0.9995 * size:
            return f"{count / size:.3g}{letter}"
    return f"{count:.0f}"


def duration(seconds: float) -> str:
    """Return a time with two digits or three: `0.3 s`, `48 s`, `12 min`, `3.1 h`."""
    if seconds < 99.5:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.3g} min" if seconds < 5970 else f"{seconds / 3600:.3g} h"

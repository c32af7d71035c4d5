"""Few patterns of layer names in place of many names."""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import groupby

from lintune.tangents import Site


def patterns(layers: Sequence[str], sites: Mapping[str, Site]) -> tuple[str, ...]:
    """Return shell-style patterns that match exactly some layers.

    Args:
        layers: Names of the layers, at least one.
        sites: All layers that a pattern might match, by name.

    Returns:
        The first of a few ways to write them that matches these layers and no others; at last, the names.
    """
    wanted = set(layers)
    for proposal in _proposals(layers, sites):
        if {name for name in sites if any(fnmatchcase(name, each) for each in proposal)} == wanted:
            return tuple(proposal)
    return tuple(layers)


def _proposals(layers: Sequence[str], sites: Mapping[str, Site]) -> Iterator[list[str]]:
    """Yield ways to write layers, the shortest first: all; by kind; by block; by both."""
    lasts = list(dict.fromkeys(name.rpartition(".")[2] for name in layers))
    blocks = sorted({block for name in layers if (block := sites[name].block) is not None})
    heads = [f"*.{numbers}" for numbers in _numbers(blocks)]
    yield ["*"]
    yield [f"*.{last}" for last in lasts]
    yield [f"{head}.*" for head in heads]
    yield [f"{head}.*.{last}" for head in heads for last in lasts]
    yield [f"{head}.{last}" for head in heads for last in lasts]


def _numbers(blocks: Sequence[int]) -> Iterator[str]:
    """Yield patterns of ascending numbers without gaps within a ten, such as `[8-9]`, `1[0-9]`."""
    for ten, group in groupby(blocks, key=lambda number: number // 10):
        digits = [number % 10 for number in group]
        last = f"[{digits[0]}-{digits[-1]}]" if len(digits) > 1 else f"{digits[0]}"
        yield f"{ten or ''}{last}"

"""Sizes of a linear layer and its tap."""

from lintune.errors import InputError
from lintune.tangents import LinearTap, Site, Tap, linear_weight


def matrix_shape(site: Site) -> tuple[int, int]:
    """Return `(d_out, d_in)` of a linear layer."""
    d_out, d_in = linear_weight(site).shape
    return d_out, d_in


def check_rank(rank: int, site: Site) -> None:
    """Refuse a rank that exceeds the smaller side of a layer's weight."""
    if rank > min(matrix_shape(site)):
        raise InputError(f"rank={rank} exceeds the smaller side of {site.name!r}, {matrix_shape(site)}.")


def linear(tap: Tap) -> LinearTap:
    """Return the tap as that of a linear layer, which it must be."""
    assert isinstance(tap, LinearTap), f"{tap.name} is no linear layer"
    return tap

"""Sizes of a linear layer and its tap."""

from lintune.tangents import LinearTap, Site, Tap, linear_weight


def matrix_shape(site: Site) -> tuple[int, int]:
    """Return `(d_out, d_in)` of a linear layer."""
    d_out, d_in = linear_weight(site).shape
    return d_out, d_in


def linear(tap: Tap) -> LinearTap:
    """Return the tap as that of a linear layer, which it must be."""
    assert isinstance(tap, LinearTap), f"{tap.name} is no linear layer"
    return tap

"""One forward pass, one backward pass per output: what every tunable place of a model sees."""

from lintune.tangents.sites import (
    Site,
    all_sites,
    blocks_of,
    in_order,
    is_tied,
    linear_weight,
    lowest_of_top,
    select,
    top_layers,
    tunable_layers,
    uncovered,
)
from lintune.tangents.sweep import Sweep
from lintune.tangents.taps import HeadTap, LinearTap, NormTap, TableTap, Tap, joined, owners

__all__ = [
    "HeadTap",
    "LinearTap",
    "NormTap",
    "Site",
    "Sweep",
    "TableTap",
    "Tap",
    "all_sites",
    "blocks_of",
    "in_order",
    "is_tied",
    "joined",
    "linear_weight",
    "lowest_of_top",
    "owners",
    "select",
    "top_layers",
    "tunable_layers",
    "uncovered",
]

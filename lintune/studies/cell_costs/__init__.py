"""What a cell of a sweep costs: its work piece by piece, and laws of time and memory that were measured."""

from lintune.studies.cell_costs.cost import MEMORY, Estimate, Laws
from lintune.studies.cell_costs.law import Law, fit
from lintune.studies.cell_costs.sizes import Sizes, frozen_blocks
from lintune.studies.cell_costs.throughput import processor, throughput
from lintune.studies.cell_costs.work import TERMS, Lengths, Piece, held, pieces

__all__ = [
    "MEMORY",
    "TERMS",
    "Estimate",
    "Law",
    "Laws",
    "Lengths",
    "Piece",
    "Sizes",
    "fit",
    "frozen_blocks",
    "held",
    "pieces",
    "processor",
    "throughput",
]

"""A cell of a sweep: a method on a draw of a task, trained beside its linear twin; and what that costs."""

from lintune.studies.cells.cell import cell
from lintune.studies.cells.cost import MEMORY, SECONDS, Estimate, Laws
from lintune.studies.cells.effort import Effort
from lintune.studies.cells.law import Law, fit
from lintune.studies.cells.sizes import Sizes, frozen_blocks
from lintune.studies.cells.summary import by_method
from lintune.studies.cells.work import Lengths, Piece, held, pieces

__all__ = [
    "MEMORY",
    "SECONDS",
    "Effort",
    "Estimate",
    "Law",
    "Laws",
    "Lengths",
    "Piece",
    "Sizes",
    "by_method",
    "cell",
    "fit",
    "frozen_blocks",
    "held",
    "pieces",
]

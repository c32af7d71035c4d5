"""A cell of a sweep: a method on a draw of a task, trained beside its linear twin."""

from lintune.studies.cells.cell import cell
from lintune.studies.cells.effort import Effort

__all__ = ["Effort", "cell"]

"""What the advisor replaces: really training every candidate, each with a learning rate of its own."""

from lintune.studies.sweep.candidates import chosen, default
from lintune.studies.sweep.climb import Climbed, climb
from lintune.studies.sweep.study import Effort, sweep

__all__ = ["Climbed", "Effort", "chosen", "climb", "default", "sweep"]

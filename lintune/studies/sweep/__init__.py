"""What the advisor replaces: really training every candidate, each with a learning rate of its own."""

from lintune.studies.sweep.candidates import chosen, default
from lintune.studies.sweep.study import Effort, sweep

__all__ = ["Effort", "chosen", "default", "sweep"]

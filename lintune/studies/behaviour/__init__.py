"""Does kernel behaviour hold? Kernels, linearised models and networks on the same draws of a task."""

from lintune.studies.behaviour.draws import Draw, draw
from lintune.studies.behaviour.plan import HEAD, PROMPT, Effort, Plan
from lintune.studies.behaviour.problem import ASYMMETRIC, KERNELS, SGD, SIGNGD, Problem
from lintune.studies.behaviour.study import behaviour
from lintune.studies.behaviour.summary import at_the_ends, gaps, with_prompt
from lintune.studies.behaviour.verdicts import RECOVERS, SOLVES, TURNS, verdicts

__all__ = [
    "ASYMMETRIC",
    "HEAD",
    "KERNELS",
    "PROMPT",
    "RECOVERS",
    "SGD",
    "SIGNGD",
    "SOLVES",
    "TURNS",
    "Draw",
    "Effort",
    "Plan",
    "Problem",
    "at_the_ends",
    "behaviour",
    "draw",
    "gaps",
    "verdicts",
    "with_prompt",
]

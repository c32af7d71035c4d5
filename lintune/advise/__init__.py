"""The advisor: which layers, method, rank, alpha and lambda to train, ranked before any training.

One capture gives the kernels of all candidates (`look`); from each kernel come a forecast of training
(`forecast`) and what kernel regression and spectrum say (`scores`); their ranks are averaged (`combined`).
`probe` says how far to trust it.
"""

from lintune.advise.advice import Advice, advise
from lintune.advise.candidates import KINDS, Candidate, Kind, candidates, fitting
from lintune.advise.cost import Budget, Clock
from lintune.advise.course import KAPPA, Course, course
from lintune.advise.forecast import PACE, RATES, Forecast, forecast, halves
from lintune.advise.layers import Layers, has_usual_layers, layers_in, runs, usual_layers
from lintune.advise.look import Look, Sight, look, parameters_of
from lintune.advise.ranking import COMBINED, combined, margin, ties
from lintune.advise.scores import SCORES, Score, scores
from lintune.advise.trust import DESCRIBES, GUIDES, Probe, probe

__all__ = [
    "COMBINED",
    "DESCRIBES",
    "GUIDES",
    "KAPPA",
    "KINDS",
    "PACE",
    "RATES",
    "SCORES",
    "Advice",
    "Budget",
    "Candidate",
    "Clock",
    "Course",
    "Forecast",
    "Kind",
    "Layers",
    "Look",
    "Probe",
    "Score",
    "Sight",
    "advise",
    "candidates",
    "combined",
    "course",
    "fitting",
    "forecast",
    "halves",
    "has_usual_layers",
    "layers_in",
    "look",
    "margin",
    "parameters_of",
    "probe",
    "runs",
    "scores",
    "ties",
    "usual_layers",
]

"""Rows and columns of weights beside the whole: kernels by selection rule, what they learn, and training."""

from lintune.studies.rocoft.accuracy import kernel_accuracies
from lintune.studies.rocoft.choices import (
    FULL,
    RULES,
    Choice,
    captured,
    choices,
    equal_rank,
    factors,
    methods_of,
    parameters,
)
from lintune.studies.rocoft.distances import (
    NORMALISATIONS,
    by_layer,
    chance,
    design_effects,
    distances,
    predicted,
    spectra,
    table,
)
from lintune.studies.rocoft.problem import Problem
from lintune.studies.rocoft.scores import Layer, look, selected
from lintune.studies.rocoft.training import method_of, trained
from lintune.studies.rocoft.verdicts import agreement, paired, rank_agreement

__all__ = [
    "FULL",
    "NORMALISATIONS",
    "RULES",
    "Choice",
    "Layer",
    "Problem",
    "agreement",
    "by_layer",
    "captured",
    "chance",
    "choices",
    "design_effects",
    "distances",
    "equal_rank",
    "factors",
    "kernel_accuracies",
    "look",
    "method_of",
    "methods_of",
    "paired",
    "parameters",
    "predicted",
    "rank_agreement",
    "selected",
    "spectra",
    "table",
    "trained",
]

"""Fine-tuning methods, each with three faces: what it trains and computes, its tangents, what it costs."""

from lintune.methods.forms import Form, Outer, Vector
from lintune.methods.method import LayerMethod, Method, Penalised, Tangents, count_parameters
from lintune.methods.own import OwnParameters
from lintune.methods.registry import METHODS, register
from lintune.methods.zoo.adalora import AdaLoRA
from lintune.methods.zoo.biases import Biases
from lintune.methods.zoo.dora import DoRA
from lintune.methods.zoo.entries import Entries
from lintune.methods.zoo.flora import FLoRA, TriLoRA
from lintune.methods.zoo.full import Full
from lintune.methods.zoo.lora import LoRA
from lintune.methods.zoo.norms import Norms
from lintune.methods.zoo.parallel_adapter import ParallelAdapter
from lintune.methods.zoo.rocoft import Columns, Rows
from lintune.methods.zoo.scalings import IA3, SSB, SSL
from lintune.methods.zoo.singular_values import SingularValues
from lintune.methods.zoo.vera import VeRA
from lintune.methods.zoo.weights import Weights

__all__ = [
    "IA3",
    "METHODS",
    "SSB",
    "SSL",
    "AdaLoRA",
    "Biases",
    "Columns",
    "DoRA",
    "Entries",
    "FLoRA",
    "Form",
    "Full",
    "LayerMethod",
    "LoRA",
    "Method",
    "Norms",
    "Outer",
    "OwnParameters",
    "ParallelAdapter",
    "Penalised",
    "Rows",
    "SingularValues",
    "Tangents",
    "TriLoRA",
    "VeRA",
    "Vector",
    "Weights",
    "count_parameters",
    "register",
]

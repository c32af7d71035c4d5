"""Fine-tuning methods, seen through their tangents: which parameters each trains, and with what kernel."""

from lintune.methods.adapter import ParallelAdapter
from lintune.methods.biases import Biases
from lintune.methods.dora import DoRA
from lintune.methods.forms import Form, Outer, Vector
from lintune.methods.full import Full
from lintune.methods.lora import LoRA
from lintune.methods.method import LayerMethod, Method, Tangents, count_parameters
from lintune.methods.middle import FLoRA, TriLoRA
from lintune.methods.norms import Norms
from lintune.methods.own import OwnParameters
from lintune.methods.rows_columns import Columns, Rows
from lintune.methods.scalings import IA3, SSB, SSL
from lintune.methods.singular_values import SingularValues
from lintune.methods.weights import Weights

# Every method by the name it is chosen by.
METHODS: dict[str, type[Method]] = {
    "full": Full,
    "weights": Weights,
    "biases": Biases,
    "norms": Norms,
    "rows": Rows,
    "columns": Columns,
    "lora": LoRA,
    "dora": DoRA,
    "ia3": IA3,
    "ssl": SSL,
    "ssb": SSB,
    "singular-values": SingularValues,
    "flora": FLoRA,
    "trilora": TriLoRA,
    "parallel-adapter": ParallelAdapter,
}

__all__ = [
    "IA3",
    "METHODS",
    "SSB",
    "SSL",
    "Biases",
    "Columns",
    "DoRA",
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
    "Rows",
    "SingularValues",
    "Tangents",
    "TriLoRA",
    "Vector",
    "Weights",
    "count_parameters",
]

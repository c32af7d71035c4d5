"""The first-order model of fine-tuning: in its parameters, by stored features, and in the dual."""

from lintune.linearized.choice import tangent_of
from lintune.linearized.dual import Dual
from lintune.linearized.features import Features, LinearModel, StoredTangent, Tangent, jacobian
from lintune.linearized.primal import Primal, ProductPrimal, TangentModel

__all__ = [
    "Dual",
    "Features",
    "LinearModel",
    "Primal",
    "ProductPrimal",
    "StoredTangent",
    "Tangent",
    "TangentModel",
    "jacobian",
    "tangent_of",
]

"""One forward pass, one backward pass per logit: the inputs and output gradients of every layer."""

from lintune.tangents.capture import Capture, Tap
from lintune.tangents.layers import select_layers, tunable_layers

__all__ = ["Capture", "Tap", "select_layers", "tunable_layers"]

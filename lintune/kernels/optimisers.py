"""Kernels of the optimisers: what a step of SignGD, the early phase of Adam, does to the outputs.

Gradient descent on example i moves the outputs of example j along the inner product of their gradients.
SignGD moves along the elementwise sign of the gradient (Malladi et al., 2023, definitions 4.2 and 4.4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from transformers import PreTrainedModel

from lintune.methods import Form, Tangents
from lintune.tangents import Site, Tap


@dataclass(frozen=True)
class _Signed:
    """A method whose gradients enter the kernel by their signs, parameter by parameter.

    Parameters whose gradient is zero in exact arithmetic, such as the bias of an attention's keys, enter
    with the sign of their rounding.

    Attributes:
        method: The method.
    """

    method: Tangents
    suffix: ClassVar[str]
    signed: ClassVar[tuple[bool, bool]]

    @property
    def name(self) -> str:
        """The method's name, with the optimiser's."""
        return f"{self.method.name}-{self.suffix}"

    def sites(self, model: PreTrainedModel) -> Mapping[str, Site]:
        """Return the method's sites."""
        return self.method.sites(model)

    def gradients(self, tap: Tap) -> Sequence[Form]:
        """Return the method's gradients, with their sizes."""
        return self.method.gradients(tap)

    def parameters(self, site: Site) -> int:
        """Return the method's number of parameters."""
        return self.method.parameters(site)


@dataclass(frozen=True)
class SignGD(_Signed):
    """The symmetric kernel <sign grad f(x), sign grad f(x')>."""

    suffix: ClassVar[str] = "signgd"
    signed: ClassVar[tuple[bool, bool]] = (True, True)


@dataclass(frozen=True)
class AsymmetricSignGD(_Signed):
    """The kernel <sign grad f(x), grad f(x')>: a step on x, seen at x'.

    Rows are the examples that are trained on: entry [i, c, j, c'] says how output c' of example j changes
    with a step of SignGD on output c of example i. Written K(x_j, x_i) in the source.
    """

    suffix: ClassVar[str] = "asymmetric-signgd"
    signed: ClassVar[tuple[bool, bool]] = (True, False)


def signs(method: Tangents) -> tuple[bool, bool]:
    """Return whether rows, and columns, of a method's kernel enter by their signs."""
    return method.signed if isinstance(method, _Signed) else (False, False)

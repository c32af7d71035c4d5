"""LoRA: W + (alpha / r) B A (Hu et al., 2022)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch

from lintune.errors import InputError
from lintune.methods import draws
from lintune.methods.forms import Form, Outer
from lintune.methods.method import OfLinearLayers
from lintune.methods.shapes import check_rank, linear, matrix_shape
from lintune.tangents import LinearTap, Site, Tap


@dataclass(frozen=True)
class LoRA(OfLinearLayers):
    """Train low-rank factors of the change of each targeted weight.

    At the usual start, B = 0, the gradient for A vanishes and the gradient for B is the sum over tokens
    of (alpha / r) g (A x)^T. The kernel is that of the weights with every input x replaced by its random
    projection (alpha / r) A x.

    A is drawn as huggingface peft draws it, uniform on (-1/sqrt(d_in), 1/sqrt(d_in)), from the seed and
    the layer's name, so that a layer's A does not depend on which other layers are targeted.

    Away from the start both factors are given. The model whose passes are looked at must then compute
    with W + (alpha / r) B A, as a model does into which the adapter was merged; the gradient for A is
    the sum of (alpha / r) (B^T g) x^T.

    Attributes:
        rank: Rank r, at most the smaller side of each targeted weight.
        alpha: Scale; the update enters as alpha / r.
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        seed: Seed of A.
        down: A `(r, d_in)` by name of the layer, instead of drawn ones.
        up: B `(d_out, r)` by name of the layer; None for B = 0.
    """

    rank: int = 8
    alpha: float = 16.0
    targets: Sequence[str] | None = ("*.q_proj", "*.v_proj")
    seed: int = 0
    down: Mapping[str, torch.Tensor] | None = None
    up: Mapping[str, torch.Tensor] | None = None

    def __post_init__(self) -> None:
        """Refuse a rank or scale that is no rank or scale."""
        draws.check_scale(self.rank, self.alpha)

    @property
    def name(self) -> str:
        """Short name, with the rank."""
        return f"lora-r{self.rank}"

    @property
    def scale(self) -> float:
        """The factor alpha / r."""
        return self.alpha / self.rank

    def check(self, site: Site) -> None:
        """Refuse a layer smaller than the rank, and given factors that do not fit it."""
        check_rank(self.rank, site)
        d_out, d_in = matrix_shape(site)
        if self.down is not None:
            _factor("down", self.down, site.name, (self.rank, d_in))
        if self.up is not None:
            _factor("up", self.up, site.name, (d_out, self.rank))

    def a(self, layer: str, d_in: int) -> torch.Tensor:
        """Return the layer's A `(r, d_in)`, drawn or given; drawn ones are float32 on the CPU.

        Args:
            layer: Qualified name of the layer.
            d_in: Input size of the layer.
        """
        if self.down is not None:
            return self.down[layer]
        return draws.uniform(self.seed, layer, (self.rank, d_in), d_in)

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the gradient for B and, where B is given, for A."""
        tap = linear(tap)
        forms: list[Form] = [Outer(self.projected(tap), tap.g, tap.lengths)]
        if self.up is not None:
            b = self.up[tap.name].to(tap.g)
            forms.append(Outer(tap.x, self.scale * (tap.g @ b), tap.lengths))
        return forms

    def projected(self, tap: LinearTap) -> torch.Tensor:
        """Return (alpha / r) A x, `(N, r)`."""
        factor = self.a(tap.name, tap.x.shape[1])
        # Methods with the same drawn A share its products; a given A is told apart by its identity.
        which = (self.seed, self.rank) if self.down is None else id(factor)
        return tap.once(("A x", which, self.scale), lambda: self.scale * (tap.x @ factor.to(tap.x).T))

    def parameters(self, site: Site) -> int:
        """Return r (d_in + d_out): both factors are trained, though only B moves at first."""
        return self.rank * sum(matrix_shape(site))


def _factor(argument: str, given: Mapping[str, torch.Tensor], layer: str, shape: tuple[int, int]) -> None:
    if layer not in given or given[layer].shape != shape:
        found = tuple(given[layer].shape) if layer in given else "missing"
        raise InputError(f"{argument}[{layer!r}] is {found}; it must be {shape}.")

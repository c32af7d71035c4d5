"""DoRA: magnitude and direction of each row of the weight are trained apart (Liu et al., 2024)."""

from dataclasses import dataclass

from lintune.methods.forms import Form, Outer, summed
from lintune.methods.low_rank import LowRank
from lintune.methods.shapes import linear, matrix_shape
from lintune.tangents import Site, Tap


@dataclass(frozen=True)
class DoRA(LowRank):
    """Train W = m V / ||V|| with V = W_0 + (alpha / r) B A, row by row, at B = 0 and m = ||W_0||.

    As in huggingface peft, and as its authors propose, the norm ||V|| counts as a constant when gradients
    are taken: the gradient for B is then LoRA's, and that for m_i is the sum over tokens of
    g_i (W_0 x)_i / ||w_i||.
    """

    @property
    def name(self) -> str:
        """Short name, with the rank."""
        return f"dora-r{self.rank}"

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the gradients for B and for the magnitudes."""
        tap = linear(tap)
        directions = tap.products() / tap.weight.norm(dim=1)
        return [Outer(self.projected(tap), tap.g, tap.lengths), summed(tap.g * directions, tap.lengths)]

    def parameters(self, site: Site) -> int:
        """Return r (d_in + d_out) + d_out."""
        return super().parameters(site) + matrix_shape(site)[0]

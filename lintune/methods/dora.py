"""DoRA: magnitude and direction of each row of the weight are trained apart (Liu et al., 2024)."""

from collections.abc import Sequence
from dataclasses import dataclass

from lintune.methods.forms import Form, Outer, summed
from lintune.methods.lora import LoRA
from lintune.methods.method import OfLinearLayers
from lintune.methods.shapes import check_rank, linear, matrix_shape
from lintune.tangents import Site, Tap


@dataclass(frozen=True)
class DoRA(OfLinearLayers):
    """Train W = m V / ||V|| with V = W_0 + (alpha / r) B A, row by row, at B = 0 and m = ||W_0||.

    As in huggingface peft, and as its authors propose, the norm ||V|| counts as a constant when gradients
    are taken: the gradient for B is then LoRA's, and that for m_i is the sum over tokens of
    g_i (W_0 x)_i / ||w_i||.

    Attributes:
        rank: Rank r of the change of direction.
        alpha: Scale; the change enters as alpha / r.
        targets: Shell-style patterns of layer names; None for every linear layer in the blocks.
        seed: Seed of A, drawn as LoRA's.
    """

    rank: int = 8
    alpha: float = 16.0
    targets: Sequence[str] | None = ("*.q_proj", "*.v_proj")
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what LoRA refuses."""
        self._lora()

    @property
    def name(self) -> str:
        """Short name, with the rank."""
        return f"dora-r{self.rank}"

    def check(self, site: Site) -> None:
        """Refuse a layer smaller than the rank."""
        check_rank(self.rank, site)

    def gradients(self, tap: Tap) -> list[Form]:
        """Return the gradients for B and for the magnitudes."""
        tap = linear(tap)
        outputs = tap.y if tap.bias is None else tap.y - tap.bias
        directions = outputs / tap.weight.norm(dim=1)
        return [
            Outer(self._lora().projected(tap), tap.g, tap.lengths),
            summed(tap.g * directions, tap.lengths),
        ]

    def parameters(self, site: Site) -> int:
        """Return r (d_in + d_out) + d_out."""
        return self._lora().parameters(site) + matrix_shape(site)[0]

    def _lora(self) -> LoRA:
        return LoRA(self.rank, self.alpha, self.targets, self.seed)

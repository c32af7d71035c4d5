"""A kernel as the sum of its blocks, one per tuned weight."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

import numpy as np

from lintune.errors import InputError, unknown_name


@dataclass(frozen=True)
class BlockKernel:
    """Tangent kernel between n row and m column examples, kept apart by layer.

    Attributes:
        layers: Qualified names of the L layers, from the input to the output.
        blocks: `(L, n, k, m, k)` float64; entry [l, i, c, j, c'] is the inner product of the gradients
            of output c of example i and output c' of example j for the weights of layer l. The k
            outputs are the C logits, or combinations of them such as the C - 1 contrasts.
    """

    layers: tuple[str, ...]
    blocks: np.ndarray

    def __post_init__(self) -> None:
        """Refuse blocks that are not float64 or do not fit the layers, and layers that repeat."""
        shape = self.blocks.shape
        if len(shape) != 5 or shape[0] != len(self.layers) or shape[2] != shape[4]:
            raise InputError(
                f"blocks of shape {shape} must be {self.convention} with L={len(self.layers)} layers."
            )
        if self.blocks.dtype != np.float64:
            raise InputError(f"blocks of dtype {self.blocks.dtype} must be float64.")
        repeated = sorted({name for name in self.layers if self.layers.count(name) > 1})
        if repeated:
            raise InputError(f"layers={repeated} occur more than once; each may have one block.")

    @property
    def convention(self) -> str:
        """The axes of `blocks`, in order: `(L, n, k, m, k)`.

        L layers; n row examples; the k outputs of a row example; m column examples; the k outputs of a
        column example. Outputs of one example are neighbours, so `flat` needs no transposition; other
        code that puts the k outputs outermost does.
        """
        return "(L, n, k, m, k)"

    def __add__(self, other: "BlockKernel") -> "BlockKernel":
        """Return the kernel of training the parameters of both.

        The blocks of a layer that is in both are summed; other layers stand side by side, those of the
        left kernel first. The two must be of different parameters: what is in both counts twice.

        Raises:
            InputError: The kernels differ in n, k or m.
        """
        if self.blocks.shape[1:] != other.blocks.shape[1:]:
            raise InputError(
                f"kernels of shapes {self.blocks.shape} and {other.blocks.shape} cannot be added: n, k and "
                f"m must agree in {self.convention}."
            )
        layers = tuple(dict.fromkeys(self.layers + other.layers))
        blocks = np.zeros((len(layers), *self.blocks.shape[1:]))
        for kernel in (self, other):
            blocks[[layers.index(name) for name in kernel.layers]] += kernel.blocks
        return BlockKernel(layers, blocks)

    def total(self) -> np.ndarray:
        """Return the kernel itself, the sum of the blocks: `(n, k, m, k)`."""
        return np.asarray(self.blocks.sum(axis=0))

    def select(self, pattern: str) -> "BlockKernel":
        """Return the kernel of tuning only the layers that match a shell-style pattern.

        Raises:
            InputError: No layer matches.
        """
        chosen = [place for place, name in enumerate(self.layers) if fnmatchcase(name, pattern)]
        if not chosen:
            raise InputError(f"layers={pattern!r} matches none of the kernel's {len(self.layers)} layers.")
        return BlockKernel(tuple(self.layers[place] for place in chosen), self.blocks[chosen])

    def between(self, rows: Sequence[int] | np.ndarray, columns: Sequence[int] | np.ndarray) -> "BlockKernel":
        """Return the kernel between some of the row examples and some of the column examples."""
        return BlockKernel(self.layers, self.blocks[:, rows][:, :, :, columns])

    def normalised(self, by: str) -> "BlockKernel":
        """Return the kernel on a common scale, so that kernels of different methods compare.

        Args:
            by: What becomes one. `trace`: the mean diagonal entry of the total, which must be square.
                `frobenius`: the Frobenius norm of the total. `centred`: the same after every block was
                centred over row and column examples for each pair of outputs; inner products of two
                such totals are centred alignments.

        Returns:
            A kernel with the same layers whose blocks share one scale factor.

        Raises:
            InputError: `by` is not known; the kernel, or what centring leaves of it, is zero or not
                finite; or, for `trace`, it has n != m or no positive trace.
        """
        if by not in _NORMALISATIONS:
            raise unknown_name("by", by, _NORMALISATIONS)
        blocks, scale = _NORMALISATIONS[by](self)
        return BlockKernel(self.layers, blocks / scale)


def flat(kernel: np.ndarray) -> np.ndarray:
    """Return a kernel `(n, k, m, k)` as a matrix `(n k, m k)`, outputs of an example side by side."""
    n, outputs, m, _ = kernel.shape
    return kernel.reshape(n * outputs, m * outputs)


def _by_trace(kernel: BlockKernel) -> tuple[np.ndarray, float]:
    """Return the blocks and the mean diagonal entry of their sum."""
    _, n, outputs, m, _ = kernel.blocks.shape
    if n != m:
        raise InputError(f"by='trace' needs as many row as column examples; this kernel has n={n} and m={m}.")
    mean = float(np.einsum("licic->", kernel.blocks)) / max(1, n * outputs)
    if not (np.isfinite(mean) and mean > 0):
        raise InputError(f"by='trace' needs a positive, finite trace; the mean diagonal entry is {mean}.")
    return kernel.blocks, mean


def _by_frobenius(kernel: BlockKernel) -> tuple[np.ndarray, float]:
    """Return the blocks and the Frobenius norm of their sum."""
    return kernel.blocks, _norm(kernel.total(), "frobenius", 0.0)


def _by_centred(kernel: BlockKernel) -> tuple[np.ndarray, float]:
    """Return the blocks centred over examples and the Frobenius norm of their sum."""
    centred = kernel.blocks - kernel.blocks.mean(axis=1, keepdims=True)
    centred -= centred.mean(axis=3, keepdims=True)
    # Centring a constant leaves rounding, which no scale makes into a kernel.
    rounding = 8 * np.finfo(float).eps * float(np.linalg.norm(kernel.blocks))
    return centred, _norm(centred.sum(axis=0), "centred", rounding)


def _norm(total: np.ndarray, by: str, rounding: float) -> float:
    norm = float(np.linalg.norm(total))
    if not (np.isfinite(norm) and norm > rounding):
        state = "not finite" if not np.isfinite(norm) else "zero up to rounding"
        raise InputError(f"by={by!r} cannot scale this kernel: its total is {state}.")
    return norm


_NORMALISATIONS: dict[str, Callable[[BlockKernel], tuple[np.ndarray, float]]] = {
    "trace": _by_trace,
    "frobenius": _by_frobenius,
    "centred": _by_centred,
}

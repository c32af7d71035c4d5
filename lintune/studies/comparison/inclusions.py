"""Which kernels at the start are sums or parts of others, exactly."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lintune.kernels import BlockKernel, flat


@dataclass(frozen=True)
class Inclusion:
    """A statement about kernels: the sum of the parts is at most the whole, or equals it.

    Attributes:
        whole: Name of a method.
        parts: Names of methods whose kernels are added.
        equal: Whether the sum equals the whole; else whole minus sum is positive semi-definite.
    """

    whole: str
    parts: tuple[str, ...]
    equal: bool = False

    def __str__(self) -> str:
        """Return the statement in words."""
        return f"{' + '.join(self.parts)} {'=' if self.equal else '≤'} {self.whole}"


def stated(count: int = 3) -> tuple[Inclusion, ...]:
    """Return what holds of the methods of `compared` in a model without biases.

    Args:
        count: Rows, and columns.
    """
    parts = (f"rows {count}", f"columns {count}", "entries", "singular values")
    return (
        *(Inclusion("weights", (part,)) for part in parts),
        Inclusion("SSB", ("SSL", "IA3"), equal=True),
        Inclusion("SSB", ("SSL",)),
        Inclusion("SSB", ("IA3",)),
        Inclusion("FLoRA", ("TriLoRA",)),
        Inclusion("DoRA", ("LoRA",)),
        Inclusion("LoRA", ("LoRA + MPC_o",), equal=True),
        Inclusion("LoRA", ("LoRA + MPC_d",), equal=True),
        Inclusion("AdaLoRA", ("AdaLoRA without MPC_o",), equal=True),
    )


def inclusions(kernels: Mapping[str, BlockKernel], which: tuple[Inclusion, ...]) -> pd.DataFrame:
    """Return how exactly statements hold in computed kernels; those of absent methods are left out.

    Args:
        kernels: Kernels `(n, k, n, k)` of the same examples by name.
        which: The statements.

    Returns:
        A row per statement: `statement`; `equal`; `apart`, the Frobenius norm of whole minus sum over that
        of the whole; `smallest` and `largest`, the ends of the spectrum of whole minus sum over the largest
        eigenvalue of the whole; `holds`, up to 1e-4 of the whole, which is float32.
    """
    grams = {name: flat(kernel.total()) for name, kernel in kernels.items()}
    rows = []
    for each in which:
        if not {each.whole, *each.parts} <= set(grams):
            continue
        whole = grams[each.whole]
        rest = whole - sum(grams[part] for part in each.parts)
        values = np.linalg.eigvalsh((rest + rest.T) / 2)
        top = float(np.linalg.eigvalsh(whole)[-1])
        apart = float(np.linalg.norm(rest) / np.linalg.norm(whole))
        smallest, largest = float(values[0]) / top, float(values[-1]) / top
        holds = apart < 1e-4 if each.equal else smallest > -1e-4
        row = {"statement": str(each), "equal": each.equal, "apart": apart}
        rows.append(row | {"smallest": smallest, "largest": largest, "holds": holds})
    return pd.DataFrame(rows)

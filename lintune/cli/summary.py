"""What `lintune kernel` prints: sizes, spectrum, alignment, and the blocks that weigh most."""

import numpy as np
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from lintune import spectrum
from lintune.cli.compute import Computed
from lintune.errors import InputError
from lintune.kernels import BlockKernel, flat

_TOP_EIGENVALUES = 5
_LARGEST_BLOCKS = 8


def show(computed: Computed) -> None:
    """Print the summary of the kernel of the training examples."""
    kernel = computed.train.kernel
    console = Console(highlight=False)
    table = Table(box=SIMPLE, show_header=False)
    for row in [*_sizes(computed), *_spectrum(kernel), _alignment(kernel, computed.labels)]:
        table.add_row(*row)
    console.print(table)
    if len(kernel.layers) > 1 and _trace(kernel.total()) > 0:
        console.print(_blocks(kernel))


def _sizes(computed: Computed) -> list[tuple[str, str]]:
    layers, n, outputs, _, _ = computed.train.kernel.blocks.shape
    return [
        ("training examples n", f"{n:,}"),
        ("outputs k", f"{outputs} ({computed.train.about['outputs']})"),
        ("blocks L", f"{layers}"),
        ("parameters trained", f"{computed.parameters:,}"),
        ("trace", f"{_trace(computed.train.kernel.total()):.4g}"),
    ]


def _spectrum(kernel: BlockKernel) -> list[tuple[str, str]]:
    gram = flat(kernel.total())
    try:
        values = spectrum.eigenvalues(gram)
    except InputError:  # the asymmetric kernel of SignGD has no spectrum in this sense
        return [("eigenvalues", "none: the kernel is not symmetric")]
    mean = float(values.mean())
    rows = [
        ("largest eigenvalues", ", ".join(f"{value:.4g}" for value in values[:_TOP_EIGENVALUES])),
        ("condition number", f"{spectrum.condition_number(gram):.4g}"),
    ]
    if mean > 0:
        dimension = spectrum.effective_dimension(gram, mean)
        said = f"{dimension:.4g} of {len(values)}, at a ridge of the mean eigenvalue ({mean:.4g})"
        rows.append(("effective dimension", said))
    return rows


def _alignment(kernel: BlockKernel, labels: np.ndarray) -> tuple[str, str]:
    of_examples = spectrum.example_kernel(kernel.total())
    found = spectrum.alignment(of_examples, spectrum.label_kernel(labels))
    return ("centred alignment with labels", f"{found:.4g}")


def _blocks(kernel: BlockKernel) -> Table:
    """Return the blocks with the largest share of the trace."""
    traces = np.array([_trace(block) for block in kernel.blocks])
    table = Table("largest blocks", "share of trace", box=SIMPLE)
    table.columns[1].justify = "right"
    for place in np.argsort(-traces, kind="stable")[:_LARGEST_BLOCKS]:
        table.add_row(kernel.layers[place], f"{traces[place] / traces.sum():.1%}")
    return table


def _trace(kernel: np.ndarray) -> float:
    """Return the trace of a square kernel `(n, k, n, k)`."""
    return float(np.einsum("icic->", kernel))

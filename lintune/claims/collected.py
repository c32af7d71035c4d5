"""The claims of all five papers, in the order of the book's argument."""

from lintune.claims import beyond_kernels, decomposition, kernel_view, linearization, rocoft

CLAIMS = (
    *linearization.CLAIMS,
    *kernel_view.CLAIMS,
    *rocoft.CLAIMS,
    *decomposition.CLAIMS,
    *beyond_kernels.CLAIMS,
)

"""Base networks: the unit rows w_i of W, in coordinates of an orthonormal basis of their span.

All that matters of W to a Gaussian input is the Gram matrix of its rows, so k rows in any number of
dimensions are k vectors of r <= k coordinates.
"""

import numpy as np

from lintune.errors import InputError

# Gram matrices with eigenvalues below this, over the largest, count as singular.
_SINGULAR = 1e-10


def orthonormal(width: int) -> np.ndarray:
    """Return k orthonormal rows, `(k, k)` (the paper's assumption 4).

    Raises:
        InputError: The width is below 1.
    """
    if width < 1:
        raise InputError(f"width={width} must be at least 1.")
    return np.eye(width)


def equiangular(width: int, cosine: float) -> np.ndarray:
    """Return k unit rows of which any two have the same inner product, `(k, k)`.

    Up to 1 - log k / sqrt(k) they are separated in the sense of the paper's assumption 5.

    Raises:
        InputError: No k unit vectors have such inner products.
    """
    gram = np.full((width, width), float(cosine))
    np.fill_diagonal(gram, 1.0)
    if not -1 / max(width - 1, 1) < cosine < 1:
        raise InputError(f"cosine={cosine} must be above -1 / (k - 1) and below 1 for width={width}.")
    return from_gram(gram)


def sphere(width: int, dimension: int, random: np.random.Generator) -> np.ndarray:
    """Return k rows drawn uniformly from the unit sphere of R^d, `(k, k)`.

    Their Gram matrix is a normalised Wishart matrix, whose Cholesky factor has independent entries: normal
    below the diagonal, chi on it (Bartlett's decomposition). So nothing of size d is drawn.

    Raises:
        InputError: d is below k.
    """
    if dimension < width:
        raise InputError(f"dimension={dimension} must be at least the width, {width}.")
    factor = np.tril(random.standard_normal((width, width)), -1)
    factor[np.diag_indices(width)] = np.sqrt(random.chisquare(dimension - np.arange(width)))
    return factor / np.linalg.norm(factor, axis=1, keepdims=True)


def hiding(c: np.ndarray) -> np.ndarray:
    """Return the rows of theorem 3's construction, `(k, k)`: with inner products -c_i c_j.

    With a change c u^T of the weights, xi = 1, the rows of the teacher are orthogonal.

    Args:
        c: `(k,)` of norm 1.

    Raises:
        InputError: c is not of norm 1.
    """
    if c.ndim != 1 or not np.isclose(np.linalg.norm(c), 1.0):
        raise InputError(f"c of shape {c.shape} must be a vector of norm 1.")
    gram = -np.outer(c, c)
    np.fill_diagonal(gram, 1.0)
    return from_gram(gram)


def from_gram(gram: np.ndarray) -> np.ndarray:
    """Return rows `(k, r)` with a given Gram matrix of rank r.

    Raises:
        InputError: It is not symmetric and positive semi-definite with ones on its diagonal.
    """
    if gram.ndim != 2 or not np.allclose(gram, gram.T) or not np.allclose(np.diag(gram), 1.0):
        raise InputError(f"gram of shape {gram.shape} must be symmetric with ones on its diagonal.")
    values, vectors = np.linalg.eigh(gram)
    if values[0] < -_SINGULAR * values[-1]:
        raise InputError(f"gram has the eigenvalue {values[0]:.3g}; none may be negative.")
    kept = values > _SINGULAR * values[-1]
    return np.asarray(vectors[:, kept] * np.sqrt(values[kept]))

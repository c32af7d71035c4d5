"""Which outputs of the model matter: differences of logits."""

import numpy as np
from scipy import linalg

from lintune.errors import InputError


def contrasts(classes: int) -> np.ndarray:
    """Return `(C, C - 1)` orthonormal contrasts of C logits: all that a softmax can see.

    Adding one number to all logits of an example changes no probability, so only differences of logits
    matter. The columns are orthonormal and orthogonal to the vector of ones (Helmert's basis).
    """
    if classes < 2:
        raise InputError(f"classes={classes} must be at least 2.")
    return np.asarray(linalg.helmert(classes).T)

"""Problems for solvers: features of the outputs, from which kernels are made the slow way."""

from dataclasses import dataclass, replace

import numpy as np

from lintune.kernels import contrasts


@dataclass(frozen=True)
class Problem:
    """Features of rows and columns per contrast `(n, k, p)`, pretrained logits `(n, C)`, labels `(n,)`.

    The first `train` examples are trained on. The kernel is symmetric where both features are the same.
    """

    rows: np.ndarray
    columns: np.ndarray
    all_logits: np.ndarray
    all_labels: np.ndarray
    train: int

    @property
    def everything(self) -> np.ndarray:
        return np.einsum("icp,jdp->icjd", self.rows, self.columns)

    @property
    def kernel(self) -> np.ndarray:
        return self.everything[: self.train, :, : self.train]

    @property
    def cross(self) -> np.ndarray:
        return self.everything[: self.train, :, self.train :]

    @property
    def flipped(self) -> np.ndarray:
        return self.everything[self.train :, :, : self.train]

    @property
    def features(self) -> np.ndarray:
        """Features of the training outputs, `(n k, p)`."""
        return self.rows[: self.train].reshape(-1, self.rows.shape[-1])

    @property
    def new_features(self) -> np.ndarray:
        """Features of the new outputs, `(m k, p)`."""
        return self.rows[self.train :].reshape(-1, self.rows.shape[-1])

    @property
    def logits(self) -> np.ndarray:
        return self.all_logits[: self.train]

    @property
    def new_logits(self) -> np.ndarray:
        return self.all_logits[self.train :]

    @property
    def labels(self) -> np.ndarray:
        return self.all_labels[: self.train]

    @property
    def new_labels(self) -> np.ndarray:
        return self.all_labels[self.train :]

    @property
    def basis(self) -> np.ndarray:
        return contrasts(self.all_logits.shape[1])

    @property
    def gram(self) -> np.ndarray:
        """The training kernel as a matrix, by its features."""
        return self.features @ self.columns[: self.train].reshape(-1, self.columns.shape[-1]).T

    def reordered(self, order: np.ndarray) -> "Problem":
        """Return the problem with its training examples in another order."""
        order = np.concatenate([order, np.arange(self.train, len(self.all_labels))])
        return Problem(
            self.rows[order], self.columns[order], self.all_logits[order], self.all_labels[order], self.train
        )

    def renamed(self, classes: np.ndarray) -> "Problem":
        """Return the problem with class `classes[c]` called c."""
        turn = self.basis.T @ self.basis[classes]  # takes contrasts of old logits to those of new ones
        rows, columns = (np.einsum("ab,ibp->iap", turn, each) for each in (self.rows, self.columns))
        labels = np.argsort(classes)[self.all_labels]
        return replace(
            self, rows=rows, columns=columns, all_logits=self.all_logits[:, classes], all_labels=labels
        )


def problem(
    classes: int = 3, n: int = 14, m: int = 6, p: int = 60, symmetric: bool = True, seed: int = 0
) -> Problem:
    """Return random features and labels; every class is twice among the training examples."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n + m, classes - 1, p))
    columns = rows if symmetric else 0.6 * rows + 0.8 * rng.normal(size=rows.shape)
    labels = np.concatenate([np.tile(np.arange(classes), 2), rng.integers(classes, size=n + m - 2 * classes)])
    return Problem(rows, columns, rng.normal(size=(n + m, classes)), labels, n)


def separable(classes: int = 3, n: int = 24, m: int = 30, p: int = 8, noise: float = 0.3) -> Problem:
    """Return examples near the points of their classes, each with the same features for every contrast."""
    rng = np.random.default_rng(0)
    labels = np.arange(n + m) % classes
    points = rng.normal(size=(classes, p))[labels] + noise * rng.normal(size=(n + m, p))
    rows = np.einsum("ip,cd->icdp", points, np.eye(classes - 1)).reshape(n + m, classes - 1, -1)
    return Problem(rows, rows, rng.normal(size=(n + m, classes)), labels, n)

"""Linear models in their own weights, the slow way, for closed forms to be held against."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Linear:
    """Features of training outputs `(N, p)` and of others `(M, p)`, and the residual at the start `(N,)`."""

    features: np.ndarray
    others: np.ndarray
    residual: np.ndarray

    @property
    def gram(self) -> np.ndarray:
        return self.features @ self.features.T

    @property
    def cross(self) -> np.ndarray:
        return self.features @ self.others.T

    def gradient(self, weights: np.ndarray, strength: float) -> np.ndarray:
        return self.features.T @ (self.features @ weights - self.residual) + strength * weights

    def descend(self, strength: float, step: float, steps: int) -> np.ndarray:
        """Return the weights `(steps + 1, p)` along gradient descent from 0."""
        path = [np.zeros(self.features.shape[1])]
        for _ in range(steps):
            path.append(path[-1] - step * self.gradient(path[-1], strength))
        return np.array(path)

    def loss(self, weights: np.ndarray) -> np.ndarray:
        return np.asarray(0.5 * ((weights @ self.features.T - self.residual) ** 2).sum(axis=-1))


def linear(outputs: int = 9, parameters: int = 30, others: int = 5, seed: int = 0) -> Linear:
    """Return a random model whose kernel has eigenvalues over three decades; singular if p < N."""
    rng = np.random.default_rng(seed)
    scales = 10 ** -rng.uniform(0, 1.5, size=parameters)
    draw = rng.normal(size=(outputs + others, parameters)) * scales
    return Linear(draw[:outputs], draw[outputs:], rng.normal(size=outputs))

"""How far the tangents have turned: what separates a network from its linearisation."""

from collections.abc import Mapping

import torch

from lintune.descent import Vector, difference
from lintune.linearized.features import gram, jacobian
from lintune.methods.attached import Attached, Prepared


class Curvature:
    """Compares the Jacobian of the training outputs at any point with that at the start."""

    def __init__(self, attached: Attached, prepared: Prepared) -> None:
        """Differentiate at the start.

        Raises:
            InputError: The Jacobian would not fit in memory.
        """
        self._attached = attached
        self._prepared = prepared
        self._start = jacobian(attached, prepared)
        self._kernel = _flat(gram(self._start))
        with torch.no_grad():
            self._outputs = attached.outputs(attached.start, prepared).double().cpu()

    def at(self, values: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """Return measures at a point theta.

        Returns:
            `kernel_drift` ||K - K_0||_F / ||K_0||_F; `kernel_change` ||K - K_0||_2; `slope` ||J||_2;
            `jacobian_change` ||J - J_0||_2; `linearisation_error` ||f(theta) - f0 - J_0 (theta - theta_0)||
            over the training examples.
        """
        there = jacobian(self._attached, self._prepared, values)
        kernel = _flat(gram(there))
        change = kernel - self._kernel
        turned = _flat(gram({name: there[name] - start for name, start in self._start.items()}))
        return {
            "kernel_drift": float(change.norm() / self._kernel.norm()),
            "kernel_change": float(torch.linalg.eigvalsh(change).abs().max()),
            "slope": _root(kernel),
            "jacobian_change": _root(turned),
            "linearisation_error": self._error(values),
        }

    def _error(self, values: Mapping[str, torch.Tensor]) -> float:
        away: Vector = difference(dict(values), self._attached.start)
        with torch.no_grad():
            outputs = self._attached.outputs(values, self._prepared).double().cpu()
        linear = self._outputs.clone()
        for name, part in self._start.items():
            linear += torch.einsum("nk...,...->nk", part, away[name]).double().cpu()
        return float((outputs - linear).norm())


def _flat(kernel: torch.Tensor) -> torch.Tensor:
    return kernel.flatten(0, 1).flatten(1)


def _root(kernel: torch.Tensor) -> float:
    """Return the largest singular value of the Jacobian whose kernel this is."""
    return float(torch.linalg.eigvalsh(kernel)[-1].clamp(min=0).sqrt())

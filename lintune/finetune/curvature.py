"""How far the tangents have turned: what separates a network from its linearisation."""

from collections.abc import Mapping, Sequence

import torch

from lintune.descent import Vector, difference, norm
from lintune.errors import InputError
from lintune.linearized.features import gram, jacobian
from lintune.methods import DoRA
from lintune.methods.attached import Attached, Prepared


class Curvature:
    """Compares the Jacobian of the training outputs at any point with that at the start.

    One serves all runs that start there.
    """

    def __init__(self, attached: Attached, prepared: Prepared, memory: int = 4_000_000_000) -> None:
        """Differentiate at the start.

        Args:
            attached: The function.
            prepared: The training examples.
            memory: Most bytes that one Jacobian may take; two are held at a time.

        Raises:
            InputError: The Jacobian would not fit in memory; or the method is DoRA, whose gradients take a
                norm for constant and so are not the derivatives of its outputs.
        """
        if isinstance(attached.method, DoRA):
            raise InputError(
                f"method={attached.method.name!r} takes a norm for constant under gradients: they are no "
                "derivatives, and say nothing of curvature."
            )
        self._attached = attached
        self._prepared = prepared
        self._memory = memory
        self._start = jacobian(attached, prepared, memory=memory)
        self._kernel = _flat(gram(self._start))
        self._outputs = attached.outputs_on(attached.start, prepared).double().cpu()

    @property
    def start_slope(self) -> float:
        """The largest singular value ||J_0||_2 of the Jacobian at the start."""
        return _root(self._kernel)

    def at(self, values: Mapping[str, torch.Tensor]) -> dict[str, float]:
        """Return measures at a point theta.

        Returns:
            `kernel_drift` ||K - K_0||_F / ||K_0||_F; `kernel_change` ||K - K_0||_2; `slope` ||J||_2;
            `jacobian_change` ||J - J_0||_2; `linearisation_error` ||f(theta) - f0 - J_0 (theta - theta_0)||
            over the training examples.
        """
        there = jacobian(self._attached, self._prepared, values, self._memory)
        kernel = _flat(gram(there))
        change = kernel - self._kernel
        turned = self._turned(there)
        return {
            "kernel_drift": float(change.norm() / self._kernel.norm()),
            "kernel_change": float(torch.linalg.eigvalsh(change).abs().max()),
            "slope": _root(kernel),
            "jacobian_change": _root(turned),
            "linearisation_error": self._error(values),
        }

    def on_the_way(self, values: Mapping[str, torch.Tensor], shares: Sequence[float]) -> float:
        """Return the largest ||J - J_0||_2 / ||theta - theta_0|| on the segment from the start to a point.

        Args:
            values: The point.
            shares: Which parts of the way to look at, from above 0 to 1.
        """
        away = difference(dict(values), self._attached.start)
        length = norm(away)
        found = []
        for share in shares:
            point = {name: start + share * away[name] for name, start in self._attached.start.items()}
            there = jacobian(self._attached, self._prepared, point, self._memory)
            found.append(_root(self._turned(there)) / (share * length) if length else 0.0)
        return max(found)

    def _turned(self, there: Vector) -> torch.Tensor:
        """Return the Gram matrix of J - J_0; `there` is overwritten, so that no third Jacobian is held."""
        for name, start in self._start.items():
            there[name] -= start
        return _flat(gram(there))

    def _error(self, values: Mapping[str, torch.Tensor]) -> float:
        away: Vector = difference(dict(values), self._attached.start)
        outputs = self._attached.outputs_on(values, self._prepared).double().cpu()
        linear = self._outputs.clone()
        for name, part in self._start.items():
            linear += torch.einsum("nk...,...->nk", part, away[name]).double().cpu()
        return float((outputs - linear).norm())


def _flat(kernel: torch.Tensor) -> torch.Tensor:
    return kernel.flatten(0, 1).flatten(1)


def _root(kernel: torch.Tensor) -> float:
    """Return the largest singular value of the Jacobian whose kernel this is."""
    return float(torch.linalg.eigvalsh(kernel)[-1].clamp(min=0).sqrt())

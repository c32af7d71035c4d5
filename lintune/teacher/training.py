"""How a student is trained."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from lintune.errors import InputError, unknown_name
from lintune.teacher.gradients import FORMS


@dataclass(frozen=True, eq=False)
class Training:
    """Online gradient descent of the squared error, a fresh input at every step.

    Attributes:
        rate: eta, step size for u^; one, or one for each instance.
        c_rate: Step size for c^; 0 to leave it as it is.
        student: `network`, or `linear` for the model that is linear in the weights.
        unit: Whether u^ and c^ are brought back to norm 1 after a step along the sphere (the paper's
            projected descent). Without, they are free.
        outside: Whether u^ stays orthogonal to the rows, as in the paper's algorithm.
    """

    rate: float | np.ndarray
    c_rate: float | np.ndarray = 0.0
    student: Literal["network", "linear"] = "network"
    unit: bool = True
    outside: bool = True

    def __post_init__(self) -> None:
        """Refuse what is not possible."""
        if self.student not in FORMS:
            raise unknown_name("student", self.student, FORMS)
        for name in ("rate", "c_rate"):
            value = np.asarray(getattr(self, name), dtype=float)
            if not np.isfinite(value).all() or (value < 0).any():
                raise InputError(f"{name}={getattr(self, name)} must be finite and not negative.")
        if self.student == "network" and not self.unit:
            raise InputError(
                "unit=False is for student='linear': the network's rows are defined for a unit u^."
            )
        if self.student == "linear" and not self.outside:
            raise InputError(
                "outside=False is for student='network': the linear one has u^ outside the span."
            )

    @property
    def trains_c(self) -> bool:
        """Whether c^ moves."""
        return bool(np.any(self.c_rate))

    def rates(self, instances: int) -> tuple[np.ndarray, np.ndarray]:
        """Return both step sizes, `(I,)`.

        Raises:
            InputError: There are as many step sizes as there are not instances.
        """
        found = []
        for name in ("rate", "c_rate"):
            value = np.asarray(getattr(self, name), dtype=float)
            if value.shape not in ((), (instances,)):
                raise InputError(
                    f"{name} has shape {value.shape}; one number, or {instances} for the instances."
                )
            found.append(np.array(np.broadcast_to(value, (instances,))))
        return found[0], found[1]

    def take(self, places: np.ndarray) -> "Training":
        """Return the training of some instances."""
        given = {name: np.asarray(getattr(self, name)) for name in ("rate", "c_rate")}
        return replace(self, **{name: value[places] for name, value in given.items() if value.ndim})

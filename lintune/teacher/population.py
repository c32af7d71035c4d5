"""Loss and gradients over all inputs, in closed form: inner products of the rows are all that counts.

For unit rows a and b, E sigma(<a, x>) sigma(<b, x>) is the dual activation at <a, b>.
"""

from dataclasses import dataclass

import numpy as np

from lintune.errors import InputError
from lintune.teacher.duals import dual
from lintune.teacher.hermite import coefficients
from lintune.teacher.problem import Problem
from lintune.teacher.student import Student


@dataclass(frozen=True, eq=False)
class Gradient:
    """The gradient of the population loss.

    Attributes:
        u: `(I, r + 2)` for u^, in its coordinates; not projected to any sphere.
        c: `(I, k)` for c^.
    """

    u: np.ndarray
    c: np.ndarray


def loss(problem: Problem, student: Student) -> np.ndarray:
    """Return E (f^ - f*)^2, `(I,)`. u^ has norm 1."""
    return _distance(problem, student.rows(problem))


def size(problem: Problem) -> np.ndarray:
    """Return E (f* - f)^2, `(I,)`: how far the teacher is from the base network."""
    return _distance(problem, problem.base)


def gradient(problem: Problem, student: Student) -> Gradient:
    """Return the gradient of the loss for u^ and c^, norms of the rows included."""
    sigma, own = dual(problem.activation), student.rows(problem)
    outer = problem.readout[:, :, None] * problem.readout[:, None, :]
    # A row's inner product with itself is 1 whatever it is.
    among = outer * sigma.slope(inner(own, own)) * (1 - np.eye(problem.width))
    across = outer * sigma.slope(inner(own, problem.teacher))
    to_rows = 2 * (among @ own - across @ problem.teacher)
    to_rows -= (to_rows * own).sum(-1, keepdims=True) * own
    change = problem.xi[:, None] * student.c
    raw = problem.base + change[..., None] * student.u[:, None]
    to_raw = to_rows / np.linalg.norm(raw, axis=-1, keepdims=True)
    return Gradient(
        np.einsum("ik,ikr->ir", change, to_raw),
        problem.xi[:, None] * np.einsum("ikr,ir->ik", to_raw, student.u),
    )


def speed(problem: Problem, student: Student, overlap: np.ndarray) -> np.ndarray:
    """Return h(m), minus the derivative of the loss for the overlap m, from the dual activation.

    For u and u^ orthogonal to the rows, at the student's c^: the gradient along the sphere is
    -h(m) (u - m u^).

    Args:
        problem: The instances.
        student: Says c^.
        overlap: m, `(M,)`.

    Returns:
        `(I, M)`.

    Raises:
        InputError: u has a part in the span of the rows.
    """
    _orthogonal(problem)
    change, own = problem.xi[:, None] * problem.c, problem.xi[:, None] * student.c
    norms = np.sqrt(1 + change**2)[:, :, None] * np.sqrt(1 + own**2)[:, None, :]
    both = change[:, :, None] * own[:, None, :] / norms
    gram = inner(problem.rows, problem.rows) / norms
    sigma = dual(problem.activation)
    outer = problem.readout[:, :, None] * problem.readout[:, None, :] * both
    found = [2 * (outer * sigma.slope(_clip(gram + m * both))).sum((1, 2)) for m in np.atleast_1d(overlap)]
    return np.stack(found, axis=1)


def drift(problem: Problem, student: Student) -> np.ndarray:
    """Return h(0), `(I,)`: how fast, and to which side, the overlap leaves 0. Errors as `speed`."""
    return speed(problem, student, np.zeros(1))[:, 0]


def speed_series(problem: Problem, student: Student, overlap: np.ndarray, order: int) -> np.ndarray:
    """Return h(m) by the double series of the paper's proposition 4, up to Hermite coefficients of an order.

    It takes c and c^ with entries of one size (assumption 3) and u orthogonal to the rows (assumption 2).

    Args:
        problem: The instances.
        student: Says c^.
        overlap: m, `(M,)`.
        order: Last Hermite coefficient taken.

    Returns:
        `(I, M)`.

    Raises:
        InputError: An assumption does not hold.
    """
    _orthogonal(problem)
    for name, c in (("c", problem.c), ("the student's c", student.c)):
        if not np.allclose(np.abs(c) * np.sqrt(problem.width), 1.0):
            raise InputError(f"{name} must have entries of size 1 / sqrt(k), the proposition's assumption 3.")
    mu = coefficients(problem.activation, order)
    ratio = problem.xi**2 / problem.width
    even, odd = _tensors(problem, student, order)
    found = np.zeros((len(problem), len(np.atleast_1d(overlap))))
    for power in range(order):
        total = np.zeros(len(problem))
        for s in range(order - power):
            p = power + s + 1
            if mu[p] == 0:
                continue
            tensor = odd[s] if power % 2 else even[s]
            total += _binomial(power + s, power) * p * mu[p] ** 2 * tensor / (1 + ratio) ** p
        found += 2 * (ratio ** (power + 1) * total)[:, None] * np.atleast_1d(overlap) ** power
    return found


def _tensors(problem: Problem, student: Student, order: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Return T(l, s) for even and for odd l, by s; each `(I,)`.

    ||sum_i v_i w_i^(tensor s)||^2 is v^T G^(s) v, with the Gram matrix taken to the power s entry by entry.
    """
    gram = inner(problem.rows, problem.rows)
    teacher, student_side = problem.readout * problem.c, problem.readout * student.c
    even, odd, powered = [], [], np.ones_like(gram)
    for _ in range(order):
        even.append(problem.width * np.einsum("ik,ikl,il->i", teacher, powered, student_side))
        odd.append(np.einsum("ik,ikl,il->i", problem.readout, powered, problem.readout))
        powered = powered * gram
    return even, odd


def inner(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Return inner products of unit rows `(I, k, n)` and `(I, l, n)`, `(I, k, l)`, at most 1 in size."""
    return _clip(left @ right.transpose(0, 2, 1))


def _distance(problem: Problem, rows: np.ndarray) -> np.ndarray:
    """Return E (f* - g)^2, `(I,)`, of the network g with the readout and other unit rows."""
    sigma = dual(problem.activation)
    parts = (
        _paired(problem, sigma.value(inner(rows, rows))),
        _paired(problem, sigma.value(inner(problem.teacher, problem.teacher))),
        -2 * _paired(problem, sigma.value(inner(problem.teacher, rows))),
    )
    return np.asarray(sum(parts))


def _binomial(n: int, k: int) -> float:
    from scipy.special import comb

    return float(comb(n, k))


def _orthogonal(problem: Problem) -> None:
    if not np.allclose(problem.inside, 0):
        raise InputError("inside must be 0: h is defined for u orthogonal to the rows (assumption 2).")


def _clip(cosines: np.ndarray) -> np.ndarray:
    return np.clip(cosines, -1.0, 1.0)


def _paired(problem: Problem, values: np.ndarray) -> np.ndarray:
    return np.einsum("ik,ikl,il->i", problem.readout, values, problem.readout)

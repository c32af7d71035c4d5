"""How far the tangents have turned, against Jacobians written out."""

import numpy as np
import pytest
import torch

from lintune.finetune import Curvature
from lintune.linearized import jacobian
from lintune.methods import LoRA
from lintune.methods.attached import Attached
from tests.finetune.test_run import LAST, TRAIN, function


def matrix(found: dict[str, torch.Tensor]) -> np.ndarray:
    parts = [part.flatten(0, 1).flatten(1) for part in found.values()]
    return torch.cat(parts, dim=1).numpy()


@pytest.fixture(scope="module")
def attached() -> Attached:
    return Attached(function(), LoRA(2, targets=LAST))


def test_measures_are_norms_of_jacobians(attached: Attached) -> None:
    prepared = attached.prepare(TRAIN)
    generator = torch.Generator().manual_seed(0)
    values = {
        name: start + 0.05 * torch.randn(start.shape, generator=generator, dtype=start.dtype)
        for name, start in attached.start.items()
    }
    found = Curvature(attached, prepared).at(values)
    start, there = matrix(jacobian(attached, prepared)), matrix(jacobian(attached, prepared, values))
    before, after = start @ start.T, there @ there.T
    assert found["slope"] == pytest.approx(np.linalg.norm(there, 2))
    assert found["jacobian_change"] == pytest.approx(np.linalg.norm(there - start, 2))
    assert found["kernel_change"] == pytest.approx(np.linalg.norm(after - before, 2))
    assert found["kernel_drift"] == pytest.approx(np.linalg.norm(after - before) / np.linalg.norm(before))
    away = np.concatenate([(values[name] - attached.start[name]).numpy().ravel() for name in values])
    with torch.no_grad():
        moved = attached.outputs(values, prepared) - attached.outputs(attached.start, prepared)
    error = moved.numpy().ravel() - start @ away
    assert found["linearisation_error"] == pytest.approx(np.linalg.norm(error))


def test_on_the_way_looks_at_the_segment(attached: Attached) -> None:
    prepared = attached.prepare(TRAIN)
    values = {name: start + 0.1 for name, start in attached.start.items()}
    half = {name: start + 0.05 for name, start in attached.start.items()}
    curvature = Curvature(attached, prepared)
    length = 0.1 * sum(start.numel() for start in attached.start.values()) ** 0.5
    points = ((half, length / 2), (values, length))
    expected = [curvature.at(point)["jacobian_change"] / distance for point, distance in points]
    assert curvature.on_the_way(values, (0.5, 1.0)) == pytest.approx(max(expected))
    assert curvature.start_slope == pytest.approx(np.linalg.norm(matrix(jacobian(attached, prepared)), 2))
    assert curvature.on_the_way(attached.start, (0.5,)) == 0

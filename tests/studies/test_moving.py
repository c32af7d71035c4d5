"""What movable figures show is the kernel, LoRA's kernel and the students they are said to be."""

import json

import numpy as np
import pytest

from lintune.errors import InputError
from lintune.studies import moving
from lintune.studies.lora_kernel import Measured


def kernels(count: int, size: int, seed: int = 0) -> np.ndarray:
    features = np.random.default_rng(seed).normal(size=(count, size, 3))
    return features @ features.transpose(0, 2, 1)


def plain(rows: list[dict[str, object]]) -> str:
    return json.dumps(rows, default=lambda value: np.asarray(value).tolist())


def test_growing_kernel_is_the_sum_of_its_parts() -> None:
    parts = kernels(4, 6)
    first, last = moving.grown(parts, [1, 4], 3)
    np.testing.assert_allclose(first["eigenvalues"][0], np.linalg.eigvalsh(parts[0])[-1], rtol=1e-3)
    whole = parts.sum(axis=0)
    np.testing.assert_allclose(last["eigenvalues"], np.linalg.eigvalsh(whole)[::-1], rtol=1e-3)
    traces = np.array([[np.trace(whole[i : i + 2, j : j + 2]) for j in (0, 2, 4)] for i in (0, 2, 4)])
    expected = traces / np.sqrt(np.outer(traces.diagonal(), traces.diagonal()))
    np.testing.assert_allclose(last["cosines"], expected, rtol=1e-3, atol=1e-12)
    assert (first["count"], last["count"]) == (1, 4)
    assert len(plain([first, last])) < 1000


@pytest.mark.parametrize("count", [0, 5])
def test_count_beyond_the_parts_is_refused(count: int) -> None:
    with pytest.raises(InputError, match="between 1 and the number of parts, 4"):
        moving.grown(kernels(4, 6), [1, count], 2)


def test_kernels_by_rank_end_with_that_of_the_weights() -> None:
    weights = kernels(2, 5)
    projected = {("signs", rank, 7): weights * factor for rank, factor in ((1, 2.0), (8, 1.1))}
    measured = Measured(("a", "b"), np.array([9, 9]), weights, projected, [])
    rows = moving.lora_by_rank(measured, "signs", [1, 8], 7)
    assert [row["rank"] for row in rows] == [1, 8, None]
    np.testing.assert_allclose([row["error"] for row in rows], [1, 0.1, 0], atol=1e-12)
    assert np.abs(rows[-1]["kernel"]).max() == 1
    np.testing.assert_allclose(rows[0]["kernel"], 2 * rows[-1]["kernel"], rtol=1e-3, atol=1e-12)


def test_linear_student_stops_where_the_network_goes_on() -> None:
    small, large = moving.students([0.1, 1.0], 5, 1, dimension=16, instances=3, points=8)
    for row in (small, large):
        assert np.shape(row["network"]) == np.shape(row["linear"]) == (3, len(row["times"]))
        network, linear = (np.array(row[way])[:, -1] for way in ("network", "linear"))
        assert (network < 0.1 * linear).all()
        assert (linear > 0.99 * row["plateau"]).all()
    assert np.median(small["plateau"]) < 0.3 < np.median(large["plateau"])
    assert "NaN" not in plain([small, large])

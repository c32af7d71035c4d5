"""Estimates of steepness: exact where the function is linear, from below where it is not."""

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch

from lintune.descent import Vector, norm
from lintune.errors import InputError
from lintune.linearized import jacobian
from lintune.methods import Weights
from lintune.methods.attached import Attached
from lintune.prompted import PromptedModel
from lintune.theory.lipschitz import (
    bending,
    local_lipschitz,
    moved,
    random_direction,
    readout_states,
    spectral_norm,
    steepest,
    unit,
)
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

X = torch.randn(7, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def weights(seed: int = 1, outputs: int = 2) -> Vector:
    draw = torch.Generator().manual_seed(seed)
    return {"W": torch.randn(outputs, 3, generator=draw, dtype=torch.float64)}


def linear(values: Vector) -> torch.Tensor:
    return X @ values["W"].T


def by_autograd(function: Callable[[Vector], torch.Tensor]) -> Callable[[Vector], Vector]:
    """Return a function's derivatives by parameter, `(n, k, *shape)`."""
    return torch.func.jacrev(function)


def test_steepest_is_the_largest_slope_over_pairs() -> None:
    outputs = linear(weights())
    expected = max(
        float((outputs[i] - outputs[j]).norm() / (X[i] - X[j]).norm()) for i in range(7) for j in range(i)
    )
    assert steepest(X, outputs) == pytest.approx(expected, rel=1e-12)
    assert steepest(X, 3 * X) == pytest.approx(3, rel=1e-12)
    assert steepest(X, 3 * X + 5) == pytest.approx(3, rel=1e-12)
    assert steepest(X, torch.zeros(7, 1)) == 0


def test_equal_inputs_do_not_count() -> None:
    doubled = torch.cat([X, X[:2]])
    assert steepest(doubled, 2 * doubled) == pytest.approx(2)
    with pytest.raises(InputError, match=r"inputs=\(2, 3\)"):
        steepest(X[[0, 0]], X[[0, 1]])
    with pytest.raises(InputError, match=r"inputs=\(1, 3\)"):
        steepest(X[:1], X[:1])


def test_near_pairs_are_told_apart_in_float64() -> None:
    near = torch.tensor([[1e4, 0.0], [1e4 + 1e-3, 0.0]])
    outputs = torch.tensor([[0.0], [1.0]])
    expected = 1 / float(near[1, 0].double() - near[0, 0].double())
    assert steepest(near, outputs) == pytest.approx(expected, rel=1e-12)


def test_random_models_are_at_their_radius_in_directions_of_their_own() -> None:
    start = weights() | {"b": torch.zeros(4, dtype=torch.float64)}
    for seed in (0, 1):
        direction = random_direction(start, seed)
        assert norm(direction) == pytest.approx(1, rel=1e-12)
        away = moved(start, direction, 2.5)
        assert norm({name: away[name] - start[name] for name in start}) == pytest.approx(2.5)
    again, other = random_direction(start, 0), random_direction(start, 1)
    assert all(torch.equal(random_direction(start, 0)[name], again[name]) for name in start)
    assert not torch.equal(again["W"], other["W"])
    with pytest.raises(InputError, match="length 0"):
        unit({"W": torch.zeros(2)})


def test_the_directions_are_uniform_on_the_sphere() -> None:
    start = {"t": torch.zeros(3)}
    drawn = torch.stack([random_direction(start, seed)["t"] for seed in range(2000)])
    np.testing.assert_allclose(drawn.mean(dim=0).numpy(), 0, atol=0.05)
    np.testing.assert_allclose((drawn.T @ drawn / 2000).numpy(), np.eye(3) / 3, atol=0.03)


def test_of_a_linear_model_every_value_is_known() -> None:
    """With scalar inputs the slope of x -> w x is |w|, so the radius is what the slope can change by."""
    x = torch.tensor([[0.0], [1.0], [4.0]], dtype=torch.float64)
    start = {"w": torch.tensor([2.0], dtype=torch.float64)}
    found = local_lipschitz(lambda values: x * values["w"], x, start, [0.0, 0.5, 1.0, 3.0], models=20)
    assert found.average[0] == found.upper[0] == pytest.approx(2)
    low, high = (2 - found.radius).abs(), 2 + found.radius  # the sphere of one dimension has two points
    np.testing.assert_allclose(found.least, low)
    np.testing.assert_allclose(found.largest, high)
    np.testing.assert_allclose(found.upper, high)
    assert found.average.between(low, high).all()


def test_upper_is_the_running_maximum_and_average_is_of_one_radius() -> None:
    start = weights()
    found = local_lipschitz(linear, X, start, [0.0, 0.1, 1.0, 10.0], models=4, seed=3)
    assert found.radius.tolist() == [0, 0.1, 1, 10]
    np.testing.assert_array_equal(found.upper, np.maximum.accumulate(found.largest))
    assert (found.least <= found.average).all()
    assert (found.average <= found.largest).all()
    assert found.average[0] == pytest.approx(steepest(X, linear(start)))
    sure = float(torch.linalg.matrix_norm(start["W"], 2)) + found.radius  # ||W_0|| + r
    assert (found.upper <= sure).all()


def test_the_seed_decides_and_more_radii_change_no_earlier_one() -> None:
    start = weights()
    short = local_lipschitz(linear, X, start, [0.5], models=3, seed=1)
    long = local_lipschitz(linear, X, start, [0.5, 2.0], models=3, seed=1)
    assert short.iloc[0].to_dict() == long.iloc[0].to_dict()
    other = local_lipschitz(linear, X, start, [0.5], models=3, seed=2)
    assert other.average[0] != short.average[0]


def test_a_linear_model_has_the_same_slope_everywhere_and_no_curvature() -> None:
    start = weights()
    directions = {"random": random_direction(start, 0), "other": {"W": torch.ones_like(start["W"])}}
    found = bending(by_autograd(linear), start, directions, [0.1, 5.0])
    expected = float(torch.linalg.matrix_norm(X, 2))  # both outputs have the same inputs
    np.testing.assert_allclose(found.slope, expected, rtol=1e-12)
    np.testing.assert_allclose(found.curvature, 0, atol=1e-12)
    assert found.direction.tolist() == ["", "random", "random", "other", "other"]
    assert found.radius.tolist() == [0, 0.1, 5, 0.1, 5]


def test_of_a_quadratic_model_the_curvature_is_the_eigenvalue_of_the_direction() -> None:
    """The model theta^T H theta / 2 has J = (H theta)^T, so ||J - J_0|| / r = ||H v||, wherever it starts."""
    values = torch.tensor([9.0, 1.0, 0.25], dtype=torch.float64)
    start = {"t": torch.tensor([0.3, -0.2, 0.1], dtype=torch.float64)}
    axes = {str(place): {"t": 7 * torch.eye(3, dtype=torch.float64)[place]} for place in range(3)}
    axes["random"] = random_direction(start, 0)
    quadratic = by_autograd(lambda here: (values * here["t"] ** 2).sum().reshape(1, 1) / 2)
    found = bending(quadratic, start, axes, [0.5, 2.0])
    for place in range(3):
        mine = found[found.direction == str(place)]
        np.testing.assert_allclose(mine.curvature, float(values[place]), rtol=1e-12)
    expected = float((values * axes["random"]["t"]).norm())
    np.testing.assert_allclose(found[found.direction == "random"].curvature, expected, rtol=1e-12)
    assert found.slope[0] == pytest.approx(float((values * start["t"]).norm()))
    assert found.slope[1] == pytest.approx(
        float((values * (start["t"] + 0.5 * torch.eye(3)[0].double())).norm())
    )


def test_random_directions_in_many_dimensions_underestimate_the_worst() -> None:
    """One bent direction among many: a random one has the share 1 / sqrt(p) of it."""
    start = {"t": torch.zeros(400, dtype=torch.float64)}
    function = by_autograd(lambda here: (here["t"][:1] ** 2).reshape(1, 1) / 2)
    worst = {"t": torch.zeros(400, dtype=torch.float64)}
    worst["t"][0] = 1
    directions = {str(seed): random_direction(start, seed) for seed in range(40)} | {"worst": worst}
    found = bending(function, start, directions, [1.0]).set_index("direction").curvature
    assert found["worst"] == pytest.approx(1)
    assert found.drop(["", "worst"]).max() < 0.25


def test_spectral_norm_is_that_of_the_matrix_of_all_outputs() -> None:
    draw = torch.Generator().manual_seed(4)
    parts = {
        "a": torch.randn(5, 2, 3, 4, generator=draw, dtype=torch.float64),
        "b": torch.randn(5, 2, 6, generator=draw, dtype=torch.float64),
    }
    whole = torch.cat([part.reshape(10, -1) for part in parts.values()], dim=1)
    assert spectral_norm(parts) == pytest.approx(float(torch.linalg.matrix_norm(whole, 2)))


@pytest.mark.parametrize("architecture", ["llama", "gpt-neox", "roberta"])
def test_of_a_language_model(architecture: str) -> None:
    prompted = PromptedModel(pretrained(architecture), PROMPT, longest=32)
    last = "*.1.*"
    attached = Attached(prompted, Weights((last,)))
    prepared = attached.prepare(sentences(0, 6))
    states = readout_states(prepared)
    assert states.shape == (6, 16)
    for state, whole, prompt in zip(states, prepared.states, prepared.prompts, strict=True):
        assert torch.equal(state, whole[prompt.readout])

    def outputs(values: Vector) -> torch.Tensor:
        return attached.outputs(values, prepared)

    found = local_lipschitz(outputs, states, attached.start, [0.0, 1.0], models=2)
    with torch.no_grad():
        assert found.average[0] == steepest(states, outputs(attached.start))
    assert np.isfinite(found.to_numpy()).all()
    measured = bending(
        lambda values: jacobian(attached, prepared, values),
        attached.start,
        {"random": random_direction(attached.start, 0)},
        [1e-3],
    )
    assert measured.curvature[1] > 0
    assert abs(measured.slope[1] - measured.slope[0]) <= measured.curvature[1] * 1e-3 * (1 + 1e-9)


def test_states_are_needed() -> None:
    attached = Attached(PromptedModel(pretrained("llama"), PROMPT, longest=32), Weights())
    with pytest.raises(InputError, match="prepared has no states"):
        readout_states(attached.prepare(sentences(0, 2)))


@pytest.mark.parametrize("radii", [[], [1.0, 1.0], [2.0, 1.0], [math.nan], [math.inf], [-1.0]])
def test_bad_radii_are_refused(radii: list[float]) -> None:
    with pytest.raises(InputError, match="radii="):
        local_lipschitz(linear, X, weights(), radii, models=2)
    with pytest.raises(InputError, match="radii="):
        bending(by_autograd(linear), weights(), {}, radii)


def test_other_bad_arguments_are_refused() -> None:
    with pytest.raises(InputError, match="models=0"):
        local_lipschitz(linear, X, weights(), [1.0], models=0)
    with pytest.raises(InputError, match=r"radii=\[0\.0\] must be positive"):
        bending(by_autograd(linear), weights(), {}, [0.0])

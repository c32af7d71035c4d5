"""Stored derivatives: the same as by another route, at the start and away from it; refused if too large."""

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch

from lintune.descent import Vector
from lintune.errors import InputError
from lintune.kernels import tangent_kernels
from lintune.linearized import Features, jacobian
from lintune.linearized.features import gram
from lintune.methods import Biases, Full, LoRA, Method, Rows
from lintune.methods.attached import Attached
from lintune.prompted import PromptedModel
from lintune.tangents import linear_weight
from tests.attached import jacobians
from tests.kernels.test_engine import METHODS_AT_HAND, PROMPT, TEXTS, examples, function, has_biases
from tests.linearized.test_primal import ROUNDING, direction, problem
from tests.tiny import ARCHITECTURES, pretrained


def by_site(features: Vector) -> dict[str, np.ndarray]:
    """Return features of a site's parameters together, `(n, C - 1, P)` by site."""
    found: dict[str, list[torch.Tensor]] = {}
    for name, part in features.items():
        found.setdefault(name.rpartition(":")[0], []).append(part.flatten(2))
    return {layer: torch.cat(parts, 2).numpy() for layer, parts in found.items()}


def near(found: np.ndarray, expected: np.ndarray, name: str) -> None:
    tolerance = 1e-5 if name in {*ROUNDING, "bloom-alibi"} else 1e-10
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * np.abs(expected).max())


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_features_are_the_gradients_of_contrasts(name: str) -> None:
    for method in METHODS_AT_HAND:
        if isinstance(method, Biases) and not has_biases(function(name)):
            continue
        attached, prepared = problem(name, method, TEXTS[:2])
        features = by_site(jacobian(attached, prepared))
        expected = jacobians(attached.prompted, examples(TEXTS[:2]), method)
        assert features.keys() == expected.keys()
        scale = max(np.abs(part).max() for part in expected.values())
        for layer, part in features.items():
            of_contrasts = np.einsum("icp,ck->ikp", expected[layer], attached.basis.numpy())
            near(np.append(part, scale), np.append(of_contrasts, scale), name)


@pytest.mark.parametrize("name", ["bert", "gpt2-conv1d", "falcon-in-place", "gemma2-softcap"])
@pytest.mark.parametrize("method", [Full(), Rows(2), LoRA(2, targets=None)])
def test_their_gram_matrix_is_the_kernel(name: str, method: Method) -> None:
    attached, prepared = problem(name, method)
    features, basis = jacobian(attached, prepared), attached.basis.numpy()
    kernels = tangent_kernels(
        attached.prompted, examples(TEXTS[:3]), examples(TEXTS[3:]), methods=[method], outputs=basis
    )
    left, right = ({key: part[rows] for key, part in features.items()} for rows in (slice(0, 3), slice(3, 5)))
    near(gram(left).numpy(), kernels.train[method.name].total(), name)
    near(gram(left, right).numpy(), kernels.cross[method.name].total(), name)


@pytest.mark.parametrize("name", ["opt", "gpt2-conv1d", "bert"])
def test_away_from_the_start_they_are_those_of_a_merged_model(name: str) -> None:
    method = LoRA(rank=2, alpha=6, targets=None)
    attached, prepared = problem(name, method)
    noise = direction(attached, 3)
    away = {key: value + 0.1 * noise[key] for key, value in attached.start.items()}
    model = copy.deepcopy(attached.prompted.pretrained.model)
    factors: dict[str, dict[str, torch.Tensor]] = {"A": {}, "B": {}}
    for key, value in away.items():
        layer, _, short = key.rpartition(":")
        factors[short][layer] = value
    for layer, site in method.sites(model).items():
        linear_weight(site).data += 3 * factors["B"][layer] @ factors["A"][layer]
    merged = PromptedModel(replace(pretrained(name), model=model), PROMPT, longest=32)
    there = replace(method, down=factors["A"], up=factors["B"])
    kernels = tangent_kernels(merged, examples(), methods=[there], outputs=attached.basis.numpy())
    near(gram(jacobian(attached, prepared, away)).numpy(), kernels.train[there.name].total(), name)
    again = Attached(merged, there)
    features, expected = jacobian(again, again.prepare(examples())), jacobian(attached, prepared, away)
    for key, part in features.items():
        near(part.numpy(), expected[key].numpy(), name)


def test_features_that_would_not_fit_are_refused_before_they_are_computed() -> None:
    attached, prepared = problem("opt", LoRA(rank=2, targets=("*.0.fc1",)))
    needed = len(TEXTS) * 2 * 2 * (16 + 24) * 8
    with pytest.raises(InputError, match=f"memory={needed - 1}: .* 5 examples with 2 outputs take {needed} "):
        jacobian(attached, prepared, memory=needed - 1)
    assert len(jacobian(attached, prepared, memory=needed)) == 2


def test_outputs_are_linear_in_the_parameters() -> None:
    attached, prepared = problem("opt", LoRA(rank=2, targets=None))
    features, outputs = jacobian(attached, prepared), torch.zeros(len(TEXTS), 2, dtype=torch.float64)
    world, along = Features(attached.start, features, outputs), direction(attached)
    change = []
    for _ in range(2):
        for name in world.values:
            world.values[name] += along[name]
        change.append(world.outputs_on(features, outputs))
    torch.testing.assert_close(change[1], 2 * change[0])
    assert torch.equal(attached.start["model.decoder.layers.0.fc1:B"], torch.zeros(24, 2).double())

"""Groups of layers: each layer of a candidate in exactly one, and each with the kernel of its own layers."""

from functools import cache

import numpy as np
import pytest

from lintune.advise import Candidate, Look, look
from lintune.advise.look import _atoms
from lintune.kernels import contrasts, feature_size, tangent_kernels
from lintune.methods import Method
from tests.advise.problem import CANDIDATES, EXAMPLES, function
from tests.attached import gram, jacobians

FEW = EXAMPLES.take(range(4))
models = pytest.mark.parametrize("name", ["llama", "gpt2-conv1d"])
each_candidate = pytest.mark.parametrize("candidate", CANDIDATES, ids=lambda each: each.name)


@cache
def found(name: str) -> tuple[Look, dict[Candidate, list[frozenset[str]]]]:
    """Return a look at all candidates, and the layers of the groups of each."""
    prompted = function(name)
    bare = dict.fromkeys(each.bare for each in CANDIDATES)  # in the order of a look
    methods = {each: each.method(prompted.pretrained.model) for each in bare}
    atoms = _atoms(methods, prompted).values()
    groups = {each: [layers(name, method) for method, users in atoms if each in users] for each in methods}
    return look(prompted, FEW, CANDIDATES), {each: groups[each.bare] for each in CANDIDATES}


def layers(name: str, method: Method) -> frozenset[str]:
    return frozenset(method.sites(function(name).pretrained.model))


@cache
def of(name: str, candidate: Candidate) -> frozenset[str]:
    return layers(name, candidate.method(function(name).pretrained.model))


@models
@each_candidate
def test_each_layer_of_a_candidate_is_in_exactly_one_group(name: str, candidate: Candidate) -> None:
    look, groups = found(name)
    own = groups[candidate]
    wanted = of(name, candidate)
    assert frozenset.union(*own) == wanted
    assert sum(map(len, own)) == len(wanted)
    assert len(look.at(candidate).parts) == len(own)


@models
def test_layers_share_a_group_where_kind_and_candidates_are_the_same(name: str) -> None:
    _, groups = found(name)
    for candidate in CANDIDATES:
        alike = [each for each in CANDIDATES if (each.kind, each.rank) == (candidate.kind, candidate.rank)]
        every = {each: of(name, each) for each in alike}
        signs = [
            {(layer.rpartition(".")[2], *(layer in every[each] for each in alike)) for layer in here}
            for here in groups[candidate]
        ]
        assert all(len(sign) == 1 for sign in signs)  # the layers of a group are alike
        assert len({next(iter(sign)) for sign in signs}) == len(signs)  # and those of two are not


@models
def test_a_candidate_alone_has_a_group_for_each_kind_of_layer(name: str) -> None:
    kinds = {"llama": 7, "gpt2-conv1d": 3}[name]  # of gpt2 both projections back are called c_proj
    seen = look(function(name), FEW, [Candidate((0, 2), rank=2, alpha=2.0)])
    assert len(seen.at(seen.candidates[0]).parts) == kinds
    # Beside a candidate of one block, the kinds are divided by block.
    both = look(function(name), FEW, [seen.candidates[0], Candidate((1, 2), rank=2, alpha=2.0)])
    assert [len(both.at(each).parts) for each in both.candidates] == [2 * kinds, kinds]


# The norms of llama are computed in float32.
@pytest.mark.parametrize(("name", "rounding"), [("llama", 1e-6), ("gpt2-conv1d", 1e-9)])
@each_candidate
def test_parts_and_what_moves_are_those_of_automatic_differentiation(
    name: str, rounding: float, candidate: Candidate
) -> None:
    prompted, basis = function(name), contrasts(2)
    seen, groups = found(name)
    sight = seen.at(candidate)
    method = candidate.method(prompted.pretrained.model)
    by_layer = jacobians(prompted, FEW, method)
    for part, moving, group in zip(sight.parts, sight.moving, groups[candidate], strict=True):
        own = [by_layer[layer] for layer in group]
        expected = np.einsum("icjd,cp,dq->ipjq", sum(map(gram, own)), basis, basis)
        np.testing.assert_allclose(part, expected, rtol=0, atol=rounding * abs(expected).max())
        assert moving == sum(int((abs(each).max(axis=(0, 1)) > 0).sum()) for each in own)
    assert sight.moving.sum() == feature_size(prompted, method)


@models
@each_candidate
def test_parts_sum_to_the_kernel_of_the_method(name: str, candidate: Candidate) -> None:
    prompted = function(name)
    method = candidate.method(prompted.pretrained.model)
    alone = tangent_kernels(prompted, FEW, methods=[method], outputs=contrasts(2)).train[method.name].total()
    sight = found(name)[0].at(candidate)
    for kernel in (sight.parts.sum(axis=0), sight.kernel, sight.whole.kernel, sight.whole.parts[0]):
        np.testing.assert_allclose(kernel, alone, rtol=1e-9, atol=1e-11 * abs(alone).max())
    assert sight.parts.dtype == np.float64
    assert (sight.moving > 0).all()
    assert sight.whole.moving.tolist() == [sight.moving.sum()]

"""One look: the kernel of each candidate is that of its method alone, and one capture serves all."""

import numpy as np
import pytest
import torch

from lintune.advise import Candidate, candidates, look, parameters_of
from lintune.errors import InputError
from lintune.kernels import contrasts, feature_size, tangent_kernels
from lintune.methods.attached import Attached
from tests.advise.problem import CANDIDATES, EXAMPLES, function, of_classes, seen
from tests.attached import gram, jacobians


@pytest.mark.parametrize("name", ["llama", "gpt2-conv1d", "opt", "gpt-neox", "bert"])
@pytest.mark.parametrize("classes", [2, 3])
def test_kernels_and_sizes_are_those_of_each_method_alone(name: str, classes: int) -> None:
    prompted, examples = function(name, classes), of_classes(classes, 7)
    model = prompted.pretrained.model
    found = look(prompted, examples, CANDIDATES, seed=3)
    for candidate in CANDIDATES:
        method = candidate.method(model, 3)
        alone = tangent_kernels(prompted, examples, methods=[method], outputs=contrasts(classes))
        sight = found.at(candidate)
        expected = alone.train[method.name].total()
        assert sight.candidate == candidate
        assert sight.kernel.dtype == np.float64
        np.testing.assert_allclose(sight.kernel, expected, rtol=1e-9, atol=1e-11 * abs(expected).max())
        trained = Attached(prompted, method).start
        assert sight.parameters == sum(value.numel() for value in trained.values())
        assert sight.moving.sum() == feature_size(prompted, method)
        np.testing.assert_allclose(
            sight.parts.sum(axis=0), expected, rtol=1e-9, atol=1e-11 * abs(expected).max()
        )
        assert sight.parts.shape[0] == len(sight.moving)
        np.testing.assert_allclose(found.logits, alone.train_logits, rtol=1e-12)


# The norms of llama are computed in float32.
@pytest.mark.parametrize(("name", "rounding"), [("llama", 1e-6), ("gpt2-conv1d", 1e-9)])
def test_kernels_are_those_of_automatic_differentiation(name: str, rounding: float) -> None:
    prompted, few = function(name), EXAMPLES.take(range(4))
    found, basis = look(prompted, few, CANDIDATES), contrasts(2)
    for candidate in CANDIDATES:
        method = candidate.method(prompted.pretrained.model)
        kernel = sum(gram(each) for each in jacobians(prompted, few, method).values())
        expected = np.einsum("icjd,cp,dq->ipjq", kernel, basis, basis)
        actual = found.at(candidate).kernel
        np.testing.assert_allclose(actual, expected, rtol=0, atol=rounding * abs(expected).max())


def test_one_capture_serves_all() -> None:
    prompted = function()
    tokens: list[int] = []
    entered = prompted.pretrained.model.get_input_embeddings().register_forward_hook(
        lambda _module, given, _output: tokens.append(given[0].numel())
    )
    try:
        look(prompted, EXAMPLES, CANDIDATES)
    finally:
        entered.remove()
    assert sum(tokens) == sum(len(prompt.ids) for prompt in prompted.encode(EXAMPLES))


def test_alpha_and_pull_cost_no_kernel_of_their_own() -> None:
    found = look(
        function(),
        EXAMPLES,
        [Candidate((1, 2), rank=2, alpha=a, pull=p) for a in (1.0, 9.0) for p in (0.0, 1.0)],
    )
    assert len(found._atoms) == 1
    assert len(found._parts) == 7  # kinds of layers in a block of llama
    one, nine = (found.at(Candidate((1, 2), rank=2, alpha=alpha)).kernel for alpha in (1.0, 9.0))
    np.testing.assert_allclose(nine, 81 * one, rtol=1e-12)


def test_the_seed_draws_what_methods_draw() -> None:
    lora, ia3 = CANDIDATES[0], CANDIDATES[5]
    first, again, other = (look(function(), EXAMPLES, [lora, ia3], seed=seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first.at(lora).kernel, again.at(lora).kernel)
    assert abs(first.at(lora).kernel - other.at(lora).kernel).max() > 1e-3 * abs(first.at(lora).kernel).max()
    np.testing.assert_allclose(first.at(ia3).kernel, other.at(ia3).kernel, rtol=1e-12)


def test_a_look_says_what_it_saw_and_changes_nothing() -> None:
    prompted = function()
    before = {name: value.clone() for name, value in prompted.pretrained.model.state_dict().items()}
    found = look(prompted, EXAMPLES, CANDIDATES)
    after = prompted.pretrained.model.state_dict()
    assert all(torch.equal(value, after[name]) for name, value in before.items())
    assert found.candidates == CANDIDATES
    assert found.classes == 2
    np.testing.assert_array_equal(found.labels, EXAMPLES.labels)
    np.testing.assert_allclose(found.logits, prompted.predict(EXAMPLES).numpy(), rtol=1e-10)


def test_little_memory_gives_the_same() -> None:
    some = (CANDIDATES[3], CANDIDATES[6])
    found = look(function(), EXAMPLES, some, memory=100_000)
    for candidate in some:
        expected = seen().at(candidate).kernel
        np.testing.assert_allclose(found.at(candidate).kernel, expected, rtol=1e-9, atol=1e-12)


def test_parameters_that_are_known_are_not_counted_again() -> None:
    some = CANDIDATES[:2]
    counted = look(function(), EXAMPLES, some)
    told = look(function(), EXAMPLES, some, parameters={some[0]: 5, some[1]: 7})
    assert [told.at(each).parameters for each in some] == [5, 7]
    expected = parameters_of(function(), some)
    assert [counted.at(each).parameters for each in some] == [expected[each] for each in some]


def test_what_cannot_be_looked_at_is_refused() -> None:
    with pytest.raises(InputError, match="candidates must hold at least one"):
        look(function(), EXAMPLES, [])
    with pytest.raises(InputError, match="at least two classes"):
        look(function(), EXAMPLES.take(EXAMPLES.labels.nonzero()[0]), CANDIDATES)
    with pytest.raises(InputError, match="rank=99 exceeds"):
        look(function(), EXAMPLES, [*CANDIDATES, Candidate((0, 1), rank=99)])
    with pytest.raises(InputError, match="rank=99 exceeds"):
        parameters_of(function(), [*CANDIDATES, Candidate((0, 1), rank=99)])


def test_a_candidate_that_was_not_looked_at_is_refused() -> None:
    few = look(function(), EXAMPLES, CANDIDATES[1:3])
    # The first differs from one that was looked at in alpha and pull alone: its kernel is there, it is not.
    for other in (
        CANDIDATES[0],
        CANDIDATES[4],
        *candidates(function().pretrained.model, blocks=[(0, 1)])[:1],
    ):
        with pytest.raises(InputError, match=f"candidate='{other.name}' is not known.*Accepted: 0-1 all"):
            few.at(other)

"""The twin in the parameters: its test outputs need no stored features, and are those of stored ones."""

from typing import Any

import pytest
import torch

from lintune.descent import Recipe, Vector, descend, difference, loss_for
from lintune.errors import InputError
from lintune.finetune import Setup
from lintune.finetune.twin import DualTwin, FeatureTwin, twin_of
from lintune.linearized import StoredTangent, TangentModel, choice, jacobian
from lintune.linearized.features import jacobian_bytes
from lintune.methods import DoRA, Full, LoRA, Method, Norms, Weights
from lintune.methods.attached import Attached, Prepared
from lintune.prompted import Classifier, PromptedModel
from tests.finetune.test_run import LAST, PROMPT, SPLIT, TRAIN, function
from tests.prompted.heads import headed
from tests.tiny import pretrained

METHODS: list[Method] = [Weights(LAST), LoRA(2, targets=None), DoRA(2, targets=None), Full(), Norms()]
ADAM = Recipe(1e-2, 5, optimiser="adam", loss="cross-entropy")


def trained(setup: Setup, recipe: Recipe = ADAM, **more: Any) -> FeatureTwin:
    found = FeatureTwin(setup, **more)
    list(descend(found.world, loss_for(recipe.loss, TRAIN.labels, 3), recipe))
    return found


def by_stored_features(setup: Setup, prepared: Prepared, away: Vector) -> torch.Tensor:
    """Return f0 + J d, with J written out."""
    outputs = setup.attached.outputs(setup.attached.start, prepared)
    for name, part in jacobian(setup.attached, prepared).items():
        outputs = outputs + torch.einsum("nk...,...->nk", part, away[name])
    return outputs


@pytest.mark.parametrize("name", ["gpt2-conv1d", "opt", "bert", "falcon-in-place", "bloom-alibi"])
@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_outputs_are_those_of_features_that_are_stored(name: str, method: Method) -> None:
    if isinstance(method, Weights):
        method = Weights(["*.1.*"])
    setup = Setup.of(PromptedModel(pretrained(name), PROMPT, longest=32), method, SPLIT)
    found = trained(setup)
    away = difference(found.world.values, setup.attached.start)
    assert all(part.abs().max() > 0 for key, part in away.items() if key.endswith((":weight", ":B")))
    for outputs, prepared in (
        (found.train_outputs(), setup.train),
        (found.test_outputs(), setup.test),
    ):
        expected = by_stored_features(setup, prepared, away)
        atol = 1e-5 if name == "bloom-alibi" else 1e-9
        torch.testing.assert_close(outputs, expected, rtol=0, atol=atol * float(expected.abs().max()))


@pytest.mark.parametrize("prompted", [function("opt"), headed("opt")], ids=["prompted", "headed"])
def test_features_of_test_examples_are_never_stored(
    prompted: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    setup, stored = Setup.of(prompted, Weights(["*.1.*"]), SPLIT), []

    def watched(attached: Attached, prepared: Prepared, **more: Any) -> Vector:
        stored.append(prepared)
        return jacobian(attached, prepared, **more)

    monkeypatch.setattr(choice, "jacobian", watched)
    trained(setup).test_outputs()
    assert [id(each) for each in stored] == [id(setup.train)]
    stored.clear()
    enough = jacobian_bytes(setup.attached, setup.train)
    trained(setup, memory=enough).test_outputs()
    trained(setup, memory=enough - 1).test_outputs()
    assert len(stored) == 1


def test_training_features_without_room_are_differentiated_again_to_the_same_end() -> None:
    setup = Setup.of(function("opt"), LoRA(2, targets=None), SPLIT)
    room, none = trained(setup), trained(setup, memory=0)
    assert isinstance(room.world.tangent, StoredTangent)
    assert isinstance(none.world.tangent, TangentModel)
    for name, value in room.world.values.items():
        torch.testing.assert_close(none.world.values[name], value, rtol=1e-8, atol=1e-10)
    torch.testing.assert_close(none.train_outputs(), room.train_outputs(), rtol=1e-8, atol=1e-8)


def test_a_model_without_forward_mode_and_without_room_is_refused_before_training() -> None:
    setup = Setup.of(function("bloom-alibi"), LoRA(2, targets=None), SPLIT)
    with pytest.raises(InputError, match="memory=0: the derivatives of 5 examples"):
        FeatureTwin(setup, memory=0)


@pytest.mark.parametrize(
    ("recipe", "expected"),
    [
        (Recipe(0.1, 1), DualTwin),
        (Recipe(0.1, 1, momentum=0.9, strength=1.0, pull="selective"), DualTwin),
        (Recipe(0.1, 1, optimiser="adam"), FeatureTwin),
        (Recipe(0.1, 1, optimiser="signgd"), FeatureTwin),
        (Recipe(0.1, 1, strength=1.0, pull="projection"), FeatureTwin),
        (Recipe(0.1, 1, strength=1.0, anchor="zero"), FeatureTwin),
    ],
    ids=str,
)
def test_what_stays_in_the_span_has_a_twin_in_the_dual(recipe: Recipe, expected: type) -> None:
    assert type(twin_of(Setup.of(function("opt"), Weights(["*.1.*"]), SPLIT), recipe)) is expected

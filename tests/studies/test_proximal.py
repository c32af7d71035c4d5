"""The closed form of proximal training against training: made-up features, and a tiny model's own kernel."""

import numpy as np
import pytest
import torch

from lintune.descent import Loss, Vector, inner
from lintune.errors import InputError
from lintune.finetune import Network
from lintune.kernels import contrasts
from lintune.methods import LoRA
from lintune.methods.attached import Attached
from lintune.prompted import PromptedModel
from lintune.studies.proximal import (
    Held,
    Proximal,
    conditioning,
    mode_curves,
    predicted,
    proximal,
    trained,
    trained_linear,
)
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

CLASSES = 3
RNG = np.random.default_rng(0)
FEATURES = torch.as_tensor(RNG.normal(size=(5, CLASSES - 1, 40)) * 10 ** -RNG.uniform(0, 1, size=40))
START = torch.as_tensor(RNG.normal(size=(5, CLASSES - 1)))


class Features:
    """A linear model whose features are given, as something to train."""

    in_coordinates = True

    def __init__(self) -> None:
        self.values: Vector = {"w": torch.zeros(40, dtype=torch.float64)}
        self.start: Vector = {"w": torch.zeros(40, dtype=torch.float64)}

    def gradient(self, rows: torch.Tensor, loss: Loss) -> tuple[torch.Tensor, Vector]:
        outputs = START[rows] + FEATURES[rows] @ self.values["w"]
        return outputs, {"w": torch.einsum("nkp,nk->p", FEATURES[rows], loss.slope(outputs, rows))}

    def inner(self, left: Vector, right: Vector) -> float:
        return inner(left, right)


@pytest.fixture
def problem() -> Proximal:
    features = FEATURES.reshape(10, 40).numpy()
    labels = np.array([0, 1, 2, 1, 0])
    return Proximal(
        labels, CLASSES, features @ features.T, features @ features[:3].T, START.numpy().ravel(), np.zeros(3)
    )


@pytest.mark.parametrize("relative", [0.01, 1.0])
def test_training_follows_the_closed_form(problem: Proximal, relative: float) -> None:
    found = trained(problem, relative, 200, Features())
    expected = predicted(problem, relative, range(201))
    assert found["difference"] < 1e-12
    np.testing.assert_allclose(found["loss"], expected["loss"], rtol=1e-10)
    np.testing.assert_allclose(found["drift"], expected["drift"], rtol=1e-10, atol=1e-12)


def test_the_end_is_where_many_steps_lead(problem: Proximal) -> None:
    found = predicted(problem, 0.1, [0, 10**6])
    assert found["loss"][1] == pytest.approx(found["end_loss"])
    assert found["objective"][1] == pytest.approx(found["optimum"])
    assert found["drift"][1] == pytest.approx(found["end_drift"])


def test_mode_curves_go_from_nothing_to_the_ceilings(problem: Proximal) -> None:
    found = mode_curves(problem, 0.1, [0, 5, 10**7])
    assert not found["learnt"][0].any()
    np.testing.assert_allclose(found["learnt"][2], found["ceilings"], rtol=1e-9)
    assert found["shares"].sum() == pytest.approx(1)


def test_a_pull_conditions_better_and_fits_worse(problem: Proximal) -> None:
    table = conditioning(problem, [0.001, 0.1, 10.0])
    assert table.condition_number.is_monotonic_decreasing
    assert table.loss.is_monotonic_increasing
    assert table.learnt.is_monotonic_decreasing
    assert (table.best_step <= table.guaranteed).all()
    with pytest.raises(InputError, match="positive"):
        conditioning(problem, [0.0])


def test_the_problem_is_that_of_the_model() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    train, others = sentences(0, 6), sentences(1, 4)
    found = proximal(prompted, train, others, LoRA(rank=2))
    assert found.gram.shape == (6, 6)
    assert found.cross.shape == (6, 4)
    start = prompted.predict(train).numpy() @ contrasts(2)
    np.testing.assert_allclose(found.start, start[:, 0], rtol=1e-9)
    np.testing.assert_allclose(found.residual, contrasts(2)[train.labels, 0] - start[:, 0], rtol=1e-9)
    assert found.strength(0.5) == pytest.approx(0.5 * np.trace(found.gram) / 6)


@pytest.mark.parametrize("pace", [0.25, 1.0])
def test_the_linear_model_of_a_network_follows_the_closed_form(pace: float) -> None:
    # A model that computes all in float64, which llama's norms do not.
    prompted = PromptedModel(pretrained("gpt2-conv1d"), PROMPT, longest=32)
    train, others, lora = sentences(0, 6), sentences(1, 4), LoRA(rank=2, targets=None)
    problem, attached = proximal(prompted, train, others, lora), Attached(prompted, lora)
    found = trained_linear(problem, 0.1, 20, attached, train, others, pace)
    assert found["difference"] < 1e-9
    assert found["other_difference"] < 1e-9
    loss = predicted(problem, 0.1, range(21), pace)["loss"]
    np.testing.assert_allclose(found["loss"], loss, rtol=1e-9)


def test_what_is_held_stays() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    train, lora = sentences(0, 6), LoRA(rank=2)
    problem, attached = proximal(prompted, train, train, lora), Attached(prompted, lora)
    free, held = (Network(attached, attached.prepare(train)) for _ in range(2))
    trained(problem, 0.1, 3, free, 0.01)
    trained(problem, 0.1, 3, Held(held, "*:A"), 0.01)
    for name, start in attached.start.items():
        assert not torch.equal(free.values[name], start)
        assert torch.equal(held.values[name], start) == name.endswith(":A")


def test_a_run_that_diverges_ends_early(problem: Proximal) -> None:
    class Exploding(Features):
        def gradient(self, rows: torch.Tensor, loss: Loss) -> tuple[torch.Tensor, Vector]:
            outputs, gradient = super().gradient(rows, loss)
            return outputs, {"w": -10.0 * gradient["w"]}

    assert 1 < len(trained(problem, 0.1, 500, Exploding())["loss"]) < 500

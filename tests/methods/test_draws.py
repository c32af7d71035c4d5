"""How A is drawn: the same variance from every distribution, and each by its seed and layer alone."""

import math

import pytest
import torch

from lintune.errors import InputError
from lintune.kernels import tangent_kernels
from lintune.methods import LoRA, draws
from lintune.prompted import PromptedModel
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained

SHAPE = (40, 300)


@pytest.mark.parametrize("distribution", draws.DOWN)
def test_entries_have_mean_zero_and_the_usual_variance(distribution: str) -> None:
    draw = draws.DOWN[distribution]
    drawn = draw(3, "layer", SHAPE)
    assert drawn.dtype == torch.float32
    assert tuple(drawn.shape) == (40, 300)
    deviation = math.sqrt(1 / (3 * SHAPE[1]))
    assert abs(float(drawn.mean())) < 4 * deviation / math.sqrt(drawn.numel())
    assert float(drawn.var()) * 3 * SHAPE[1] == pytest.approx(1, rel=0.05)
    assert torch.equal(drawn, draw(3, "layer", SHAPE))
    for seed, layer in ((4, "layer"), (3, "other")):
        assert not torch.equal(drawn, draw(seed, layer, SHAPE))


def test_distributions_have_their_values() -> None:
    drawn = {name: draw(0, "layer", SHAPE).double() * math.sqrt(3 * 300) for name, draw in draws.DOWN.items()}
    assert set(drawn["signs"].round(decimals=4).unique().tolist()) == {-1, 1}
    assert drawn["sparse signs"].round(decimals=4).unique().tolist() == pytest.approx(
        [-(3**0.5), 0, 3**0.5], 1e-3
    )
    assert float((drawn["sparse signs"] == 0).double().mean()) == pytest.approx(2 / 3, abs=0.02)
    assert float(drawn["uniform"].abs().max()) <= math.sqrt(3)
    gram = drawn["orthonormal"] @ drawn["orthonormal"].T / 300
    torch.testing.assert_close(gram, torch.eye(40, dtype=torch.float64), atol=1e-5, rtol=0)
    kurtosis = {name: float((each**4).mean()) for name, each in drawn.items()}
    expected = {"gaussian": 3, "uniform": 1.8, "signs": 1, "sparse signs": 3}
    assert {name: kurtosis[name] for name in expected} == pytest.approx(expected, rel=0.1)


def test_methods_with_other_distributions_do_not_share_their_projection() -> None:
    prompted = PromptedModel(pretrained("llama"), PROMPT, longest=32)
    methods = {name: LoRA(2, distribution=name) for name in draws.DOWN}
    together = tangent_kernels(prompted, sentences(0, 3), methods=methods).train
    for name, method in methods.items():
        alone = tangent_kernels(prompted, sentences(0, 3), methods=[method]).train[method.name]
        torch.testing.assert_close(torch.tensor(together[name].blocks), torch.tensor(alone.blocks))
    totals = [kernel.total() for kernel in together.values()]
    assert len({float(total[0, 0, 0, 0]) for total in totals}) == len(totals)


def test_the_usual_draw_is_the_default_and_others_show_in_the_name() -> None:
    assert LoRA(2).name == "lora-r2"
    assert LoRA(2, distribution="sparse signs").name == "lora-r2-sparse-signs"
    assert torch.equal(LoRA(2, seed=5).a("layer", 7), draws.uniform(5, "layer", (2, 7), 7))
    with pytest.raises(InputError, match="distribution='gausian'.*Did you mean 'gaussian'"):
        LoRA(2, distribution="gausian")

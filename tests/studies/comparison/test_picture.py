"""The picture: one capture, kernels beside their means, families beside one another."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from lintune.errors import InputError
from lintune.kernels import contrasts, tangent_kernels
from lintune.methods import Method
from lintune.prompted import PromptedModel
from lintune.studies.comparison import between_families, compared, means, picture
from tests.studies.test_few_shot import PROMPT, sentences
from tests.tiny import pretrained


@pytest.fixture(scope="module")
def prompted() -> PromptedModel:
    return PromptedModel(pretrained("llama"), PROMPT, longest=32)


@pytest.fixture(scope="module")
def methods() -> dict[str, Method]:
    return compared(pretrained("llama").model, 2, rank=2, count=2)


def test_all_is_said_of_every_method(prompted: PromptedModel, methods: dict[str, Method]) -> None:
    found = picture(prompted, sentences(0, 8), methods, count=2)
    assert list(found.likeness.index) == list(methods)
    assert list(found.likeness) == [*methods, "labels"]
    assert all(values.sum() == pytest.approx(1) for values in found.spectra.values())
    assert found.inclusions.holds.all()
    of_the_mean = found.means.set_index("method")
    assert of_the_mean.loc[["weights"]].to_numpy()[0].tolist() == pytest.approx([1, 0, 1, 1], abs=1e-7)
    assert "SSL" not in of_the_mean.index
    assert found.parameters["LoRA"] == found.parameters["TriLoRA"] - 14 * 2
    with pytest.raises(InputError, match="must have 'weights'"):
        picture(prompted, sentences(0, 8), {"LoRA": methods["LoRA"]})


def test_kernels_of_many_draws_are_near_their_mean(
    prompted: PromptedModel, methods: dict[str, Method]
) -> None:
    lora, draws = methods["LoRA"], 60
    many = {f"draw {seed}": replace(lora, seed=seed) for seed in range(draws)}  # type: ignore[type-var]
    kernels = tangent_kernels(
        prompted,
        sentences(0, 6),
        methods={"weights": methods["weights"], **many},
        outputs=contrasts(2),
    ).train
    from lintune.tangents import linear_weight, tunable_layers

    shapes = {
        name: tuple(linear_weight(site).shape)
        for name, site in tunable_layers(prompted.pretrained.model).items()
    }
    found = means(kernels, many, shapes)
    assert found.trace.mean() == pytest.approx(1, abs=4 * found.trace.std() / draws**0.5)
    assert found.trace.std() > 0


def test_families_are_told_apart_and_methods_are_not_compared_with_themselves() -> None:
    names = ["a", "b", "c"]
    table = pd.DataFrame([[1, 0.9, 0.2], [0.9, 1, 0.4], [0.2, 0.4, 1]], index=names, columns=names)
    found = between_families(table.assign(labels=0.5), {"a": "x", "b": "x", "c": "y"})
    assert found.to_numpy()[0].tolist() == pytest.approx([0.9, 0.3])
    assert np.isnan(found.to_numpy()[1, 1])

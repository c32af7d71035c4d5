"""A model's skeleton has the shapes and the tokeniser of the model, and no weights."""

from pathlib import Path

import pytest
import torch

from lintune.errors import FetchError, InputError
from lintune.models import load
from lintune.models.skeleton import skeleton
from tests.cli.given import save_model


@pytest.mark.parametrize("name", ["llama", "bert", "gpt2-conv1d"])
def test_shapes_and_tokens_are_those_of_the_model(tmp_path: Path, name: str) -> None:
    folder = str(save_model(tmp_path, name))
    found, loaded = skeleton(folder), load(folder)
    assert {key: value.shape for key, value in found.model.named_parameters()} == {
        key: value.shape for key, value in loaded.model.named_parameters()
    }
    assert all(value.is_meta for value in found.model.parameters())
    assert found.kind == loaded.kind
    assert found.tokenizer("the film was good") == loaded.tokenizer("the film was good")
    assert found.longest == 64 or name == "gpt2-conv1d"
    assert found.stored_bytes == 4 * sum(value.numel() for value in found.model.parameters())
    assert skeleton(folder, torch.float64).model.dtype == torch.float64


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="model='nothing' is not known"):
        skeleton("nothing")
    (tmp_path / "config.json").write_text('{"model_type": "none-such"}')
    with pytest.raises(InputError, match="model="):
        skeleton(str(tmp_path))


def test_a_hub_model_that_is_not_here_cannot_be_fetched_offline() -> None:
    with pytest.raises(FetchError, match="model='owner/name' could not be read"):
        skeleton("owner/name")

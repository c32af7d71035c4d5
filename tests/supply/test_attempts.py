"""Files that try to run something when they are read: nothing runs, and each ends in an error of ours."""

import json
import os
import pickle
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from lintune import adapters, models, records, tasks
from lintune.errors import CorruptFileError, FetchError, InputError
from lintune.kernels import store
from lintune.models.skeleton import skeleton
from pipeline import parameters, profiles
from tests.pipeline.project import notebook
from tests.tiny import pretrained

OURS = (InputError, CorruptFileError, FetchError)
LOADERS: dict[str, Callable[[str], object]] = {"load": models.load, "skeleton": skeleton}
TAGS = {
    "a call": "!!python/object/apply:pathlib.Path.touch [!!python/object/apply:pathlib.Path [{trace}]]",
    "a new object": "!!python/object/new:pathlib.Path [{trace}]",
    "a name": "!!python/name:os.system",
    "a module": "!!python/module:antigravity",
}


class Bomb:
    """What makes the trace when it is unpickled."""

    def __init__(self, trace: Path) -> None:
        """Take the path of the trace."""
        self.trace = trace

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        """Tell pickle to make a folder."""
        return os.mkdir, (str(self.trace),)


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return tmp_path / "trace"


@pytest.fixture
def agreeing(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer every question on the terminal with yes; return what was asked."""
    asked: list[str] = []

    def yes(prompt: object = "") -> str:
        asked.append(str(prompt))
        return "y"

    monkeypatch.setattr("builtins.input", yes)
    return asked


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny = pretrained("llama", torch.float32)
    tiny.model.save_pretrained(tmp_path / "model")
    tiny.tokenizer.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def amend(path: Path, entries: Mapping[str, object]) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | entries))


CODE = """
import os

from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

os.mkdir({trace!r})


class Config(LlamaConfig):
    model_type = "own"


class Model(LlamaForCausalLM):
    config_class = Config


class Tokenizer(PreTrainedTokenizerFast):
    pass
"""


def code(folder: Path, trace: Path) -> None:
    (folder / "own.py").write_text(CODE.format(trace=str(trace)))


AUTO_MAP = {"auto_map": {"AutoConfig": "own.Config", "AutoModelForCausalLM": "own.Model"}}


def test_the_bomb_goes_off_where_it_is_unpickled(trace: Path) -> None:
    pickle.loads(pickle.dumps(Bomb(trace)))
    assert trace.exists()


@pytest.mark.parametrize("loader", LOADERS)
def test_a_model_with_an_architecture_of_its_own(
    folder: Path, trace: Path, agreeing: list[str], loader: str
) -> None:
    code(folder, trace)
    amend(folder / "config.json", AUTO_MAP | {"model_type": "own"})
    with pytest.raises(InputError, match="code of its own"):
        LOADERS[loader](str(folder))
    assert not trace.exists()
    assert not agreeing


@pytest.mark.parametrize("loader", LOADERS)
def test_a_tokenizer_of_its_own(folder: Path, trace: Path, agreeing: list[str], loader: str) -> None:
    code(folder, trace)
    own = {"auto_map": {"AutoTokenizer": [None, "own.Tokenizer"]}, "tokenizer_class": "OwnTokenizer"}
    amend(folder / "tokenizer_config.json", own)
    with suppress(*OURS):  # transformers may know a tokeniser for the model, and then takes that one
        LOADERS[loader](str(folder))
    assert not trace.exists()
    assert not agreeing


def test_a_known_architecture_is_read_by_the_library_and_not_by_the_code_beside_it(
    folder: Path, trace: Path, agreeing: list[str]
) -> None:
    code(folder, trace)
    amend(folder / "config.json", AUTO_MAP)
    assert type(models.load(str(folder)).model).__module__.startswith("transformers.")
    assert not trace.exists()
    assert not agreeing


@pytest.mark.parametrize("form", ["pickle", "torch"])
@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.safetensors"])
def test_weights_that_are_a_pickle(folder: Path, trace: Path, name: str, form: str) -> None:
    (folder / "model.safetensors").unlink()
    if form == "torch":
        torch.save({"model.norm.weight": Bomb(trace)}, folder / name)
    else:
        (folder / name).write_bytes(pickle.dumps(Bomb(trace)))
    with pytest.raises(OURS, match="model"):
        models.load(str(folder))
    assert not trace.exists()


@pytest.mark.parametrize("named", ["the folder's name", "another name"])
def test_a_data_set_with_a_loading_script(tmp_path: Path, trace: Path, named: str) -> None:
    data = tmp_path / "reviews"
    data.mkdir()
    script = "reviews.py" if named == "the folder's name" else "load.py"
    (data / script).write_text(f"import os\nos.mkdir({str(trace)!r})\n")
    task = tmp_path / "task.yml"
    task.write_text(
        f"hub: {data}\ntext: text\nlabel: label\ntemplate: '{{text}} It was {{label}}.'\n"
        "words: {0: terrible, 1: great}\n"
    )
    with pytest.raises(OURS):
        tasks.load(task)
    assert not trace.exists()


READERS: dict[str, Callable[[Path], object]] = {
    "a kernel": store.load,
    "a kernel's provenance": store.read_about,
    "a record": records.read,
}


@pytest.mark.parametrize("what", READERS)
def test_a_file_of_ours_that_is_a_pickle(tmp_path: Path, trace: Path, what: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(pickle.dumps(Bomb(trace)))
    with pytest.raises(CorruptFileError, match="file"):
        READERS[what](path)
    assert not trace.exists()


@pytest.mark.parametrize("name", ["adapter.json", "adapter.safetensors", "adapter_model.bin"])
def test_an_adapter_that_is_a_pickle(tmp_path: Path, trace: Path, name: str) -> None:
    (tmp_path / name).write_bytes(pickle.dumps(Bomb(trace)))
    with pytest.raises(OURS):
        adapters.load(tmp_path)
    assert not trace.exists()


@pytest.mark.parametrize("tag", TAGS)
def test_a_task_file_with_tags_of_python(tmp_path: Path, trace: Path, tag: str) -> None:
    task = tmp_path / "task.yml"
    task.write_text(f"train: {TAGS[tag].format(trace=trace)}\n")
    with pytest.raises(InputError):
        tasks.load(task)
    assert not trace.exists()


@pytest.mark.parametrize("tag", TAGS)
def test_profiles_with_tags_of_python(tmp_path: Path, trace: Path, tag: str) -> None:
    (tmp_path / "profiles.yml").write_text(f"smoke: {TAGS[tag].format(trace=trace)}\n")
    with pytest.raises(InputError, match="not readable YAML"):
        profiles.load("smoke", tmp_path)
    assert not trace.exists()


@pytest.mark.parametrize(
    "text", ["__import__('os').mkdir('{trace}')", "open('{trace}', 'w')", "list[(x := 1)]"]
)
def test_the_type_of_a_parameter_that_is_more_than_a_type(tmp_path: Path, trace: Path, text: str) -> None:
    source = tmp_path / "example.md"
    source.write_text(notebook("shots", parameters=f"shots: {text.format(trace=trace)} = 4  # how many\n"))
    with pytest.raises(InputError, match="shots"):
        parameters.check(source, {"shots": 4})
    assert not trace.exists()

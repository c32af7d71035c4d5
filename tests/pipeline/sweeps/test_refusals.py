"""What is wrong with any cell is refused before one starts, by the key of the sweep's file."""

from pathlib import Path
from typing import Any

import pytest

from lintune.errors import InputError
from pipeline import sweep
from pipeline.sweeps import planning
from tests.pipeline.sweeps.given import Project


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("refused"))


@pytest.fixture
def project(shared: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    monkeypatch.chdir(shared.root)
    return shared


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"models": ["llama", "lama"]}, "models: model='lama' is not known"),
        ({"tasks": ["films.yml", "mrr"]}, "tasks: task='mrr' is not known. Did you mean 'mr'"),
        ({"tasks": ["other.yml"]}, "tasks: task='other.yml': there is no such task file"),
        ({"methods": ["loras"]}, "methods: loras on llama: method='loras' is not known. Did you mean 'lora'"),
        ({"methods": [{"lora": {"rank": 99}}]}, "methods: lora rank=99 on llama: rank=99"),
        ({"methods": [{"rows": {"rank": 2}}]}, "--option rank does not go with method='rows'"),
        ({"methods": [{"lora": {"targets": ["*.nothing"]}}]}, "matches none"),
        ({"depth": 3}, "depth=3 must be from 1 to 2"),
        ({"examples": 400}, "examples: films.yml with llama: shots=200"),
        ({"examples": 1}, "examples: films.yml with llama: examples=1 must be at least 2"),
        ({"test_examples": 60}, "test_examples: films.yml with llama: test_examples=60"),
        ({"longest": 65}, "longest: 65 is more than the 64 positions of llama"),
        ({"seeds": [0, -1]}, "seeds.1=-1"),
        ({"seeds": [0, 0]}, "seeds has 0 twice"),
        ({"seeds": None}, "seeds: Field required"),
        ({"rates": ["1e-4"]}, "rates.0='1e-4'"),
        ({"rates": [0.1, 0.01]}, "rates=[0.1, 0.01] must ascend"),
        ({"step": 3}, "key='step' is not known. Did you mean 'steps'"),
        ({"dtype": "bfloat16"}, "dtype='bfloat16'"),
        ({"methods": [{"lora": {}, "ia3": {}}]}, "methods.0"),
        ({"examples": "32"}, "examples='32'"),
    ],
    ids=str,
)
def test_a_wrong_value_is_refused_by_its_key(project: Project, changed: dict[str, Any], said: str) -> None:
    project.write(**changed)
    with pytest.raises(InputError) as refusal:
        planning.kept("tiny")
    assert "sweeps/tiny.yml: " in str(refusal.value)
    assert said in str(refusal.value)


def test_all_that_is_wrong_is_said_at_once(project: Project) -> None:
    project.write(models=["llama", "no-model"], methods=["norms", {"lora": {"rank": 99}}], tasks=["no-task"])
    with pytest.raises(InputError) as refusal:
        planning.kept("tiny")
    lines = str(refusal.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["models", "tasks", "methods"]


def test_a_label_word_of_several_tokens_is_refused(project: Project) -> None:
    from tests.cli.given import save_task

    save_task(project.root, "words", words={"bad": "very bad", "good": "great"})
    project.write(tasks=["words.yml"])
    with pytest.raises(InputError, match="tasks: words.yml with llama: words="):
        planning.kept("tiny")


def test_a_device_that_is_not_there_is_refused(project: Project) -> None:
    project.write(device="cuda:99")
    with pytest.raises(InputError, match="device: device='cuda:99' cannot be used"):
        sweep.run("tiny", False, [])
    assert not list(Path("build/sweep/tiny").glob("*/*/*/*.json"))


def test_a_machine_that_is_not_described_is_refused(project: Project) -> None:
    project.write()
    with pytest.raises(InputError, match="machine='machines/none' holds no config.yaml; there are none"):
        sweep.run("tiny", False, [], Path("machines/none"))


def test_a_sweep_that_is_not_there(project: Project) -> None:
    project.write()
    with pytest.raises(InputError, match="sweep='tinny' is not known. Did you mean 'tiny'"):
        planning.kept("tinny")

"""Methods are found by name, and a name is given once."""

import dataclasses
from collections.abc import Iterator
from importlib import resources
from typing import Any

import pytest

from lintune.errors import InputError
from lintune.methods import METHODS, LoRA, OwnParameters, register


@pytest.fixture
def registry() -> Iterator[None]:
    before = dict(METHODS)
    yield
    METHODS.clear()
    METHODS.update(before)


def test_every_file_of_the_zoo_registers_something() -> None:
    files = {
        file.name.removesuffix(".py")
        for file in resources.files("lintune.methods.zoo").iterdir()
        if file.name.endswith(".py") and not file.name.startswith("__")
    }
    assert {made.__module__.rpartition(".")[2] for made in METHODS.values()} == files


@pytest.mark.parametrize("name", METHODS)
def test_registered_classes_can_be_made_without_arguments(name: str) -> None:
    assert dataclasses.is_dataclass(METHODS[name])
    method: Any = METHODS[name]()
    assert method.name
    assert isinstance(method, OwnParameters) or callable(method.forward)
    with pytest.raises(dataclasses.FrozenInstanceError):
        method.targets = None


def test_a_new_class_takes_a_new_name(registry: None) -> None:
    @register("my-lora")
    class Mine(LoRA):
        pass

    assert METHODS["my-lora"] is Mine
    register("my-lora")(Mine)  # the cell of a notebook is run twice


def test_a_name_that_is_taken_is_refused(registry: None) -> None:
    class Other(LoRA):
        pass

    with pytest.raises(InputError, match="name='lora' is taken by lintune.methods.zoo.lora.LoRA"):
        register("lora")(Other)
    assert METHODS["lora"] is LoRA

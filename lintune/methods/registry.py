"""Every method by the name it is chosen by."""

from collections.abc import Callable
from typing import TypeVar

from lintune.errors import InputError
from lintune.methods.method import Method

Made = TypeVar("Made", bound=Method)

METHODS: dict[str, type[Method]] = {}


def register(name: str) -> Callable[[type[Made]], type[Made]]:
    """Let a class be chosen by name: by the command line, the comparisons and the tests.

    The class is a frozen dataclass whose fields all have defaults, and is a `LayerMethod` or a subclass of
    `OwnParameters`. Files of `lintune.methods.zoo` register theirs when the package is imported, and so do
    modules that an installed package names as entry points of the group `lintune.methods`.

    Args:
        name: Such as `rows`; lower case with hyphens.

    Raises:
        InputError: Another class has the name.
    """

    def registered(made: type[Made]) -> type[Made]:
        other = METHODS.get(name)
        if other is not None and (other.__module__, other.__qualname__) != (
            made.__module__,
            made.__qualname__,
        ):
            raise InputError(f"name={name!r} is taken by {other.__module__}.{other.__qualname__}.")
        METHODS[name] = made
        return made

    return registered

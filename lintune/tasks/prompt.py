"""Prompts: a template with one slot for the label word and one for every text field."""

from collections.abc import Mapping
from dataclasses import dataclass
from string import Formatter

from lintune.errors import InputError, unknown_name

_LABEL = "label"
_ACCEPTED = "a template has one {label} slot and at least one text slot, as in '{text} It was {label}.'"


@dataclass(frozen=True)
class Prompt:
    """How an example is put to a language model, and the word that stands for each class.

    One template serves both kinds of model: a causal model sees what precedes `{label}` and is asked
    for the next word; a masked model gets its mask token in that place (Gao et al., 2021).

    Attributes:
        template: Text with `{label}` once and the name of a text field in each other slot. A brace of
            its own is written twice, as in `str.format`.
        words: `(C,)` the label word of each class, in the order of the class ids, as spelled in the slot
            (without the space before it, which belongs to the template).
    """

    template: str
    words: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the template and the words.

        Raises:
            InputError: The template is not one, lacks `{label}` or a text slot, has `{label}` twice or a
                slot that is more than a name; a word is missing, empty, padded or there twice.
        """
        slots = [slot for _, slot in _pieces(self.template) if slot is not None]
        count = slots.count(_LABEL)
        if count != 1:
            raise InputError(f"template={self.template!r} has {count} {{label}} slots; {_ACCEPTED}.")
        if len(slots) == 1:
            raise InputError(f"template={self.template!r} has no text slot; {_ACCEPTED}.")
        _check_words(self.words)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the text fields, in the order in which the template first uses them."""
        slots = [slot for _, slot in _pieces(self.template) if slot is not None and slot != _LABEL]
        return tuple(dict.fromkeys(slots))

    def render(self, fields: Mapping[str, str]) -> tuple[str, str]:
        """Return the text before and the text after the label slot.

        Texts are put in as they are: braces in them mean nothing.

        Args:
            fields: Text of every field that the template names; others are ignored.

        Raises:
            InputError: A field is missing.
        """
        sides: tuple[list[str], list[str]] = ([], [])
        side = 0
        for literal, slot in _pieces(self.template):
            sides[side].append(literal)
            if slot == _LABEL:
                side = 1
            elif slot is not None:
                if slot not in fields:
                    raise unknown_name("slot", slot, fields)
                sides[side].append(fields[slot])
        return "".join(sides[0]), "".join(sides[1])


def _pieces(template: str) -> list[tuple[str, str | None]]:
    """Return the literal texts of a template, each with the slot that follows it (None at the end)."""
    try:
        parsed = list(Formatter().parse(template))
    except (TypeError, ValueError) as error:
        raise InputError(f"template={template!r} cannot be read: {error}; {_ACCEPTED}.") from error
    for _, slot, form, conversion in parsed:
        if slot is not None and (not slot.isidentifier() or form or conversion):
            raise InputError(f"template={template!r}: the slot {slot!r} must be a bare name; {_ACCEPTED}.")
    return [(literal, slot) for literal, slot, _, _ in parsed]


def _check_words(words: tuple[str, ...]) -> None:
    if not isinstance(words, tuple) or len(words) < 2 or not all(isinstance(word, str) for word in words):
        raise InputError(f"words={words!r} must be a tuple of at least two strings, one a class.")
    for word in words:
        if not word or word != word.strip():
            raise InputError(f"words={words!r}: {word!r} must be a word without spaces around it.")
        if words.count(word) > 1:
            raise InputError(f"words={words!r}: {word!r} stands for two classes; all must be distinct.")

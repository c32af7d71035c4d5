"""Prompts: a template with one slot for the label word and one for every text field."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Formatter

from lintune.errors import InputError, unknown_name

_LABEL = "label"
_ACCEPTED = "a template has one {label} slot and at least one text slot, as in '{text} It was {label}.'"


def _cut(text: str) -> str:
    """Return a text without the mark that closes its sentence."""
    text = text.rstrip()
    return text[:-1].rstrip() if text.endswith((".", "!", "?", ";", ",", ":")) else text


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]


# How a text is put in: as it is, or joined to the sentence that the template makes.
_FORMS: dict[str, Callable[[str], str]] = {"": str, "cut": _cut, "lower": _lower}


@dataclass(frozen=True)
class Prompt:
    """How an example is put to a language model, and the word that stands for each class.

    A causal model sees what precedes `{label}` and is asked for the next word; a masked model gets its
    mask token in that place (Gao et al., 2021).

    Attributes:
        template: Text with `{label}` once and the name of a text field in each other slot. A brace of
            its own is written twice, as in `str.format`. `{name:cut}` puts a text in without the mark
            that closes it, `{name:lower}` with its first letter in lower case, so that two texts can be
            made one sentence around the label.
        words: `(C,)` the label word of each class, in the order of the class ids, as spelled in the slot
            (without the space before it, which belongs to the template).
    """

    template: str
    words: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check the template and the words.

        Raises:
            InputError: The template is not one, lacks `{label}` or a text slot, has `{label}` twice or a
                slot that is more than a name and `cut` or `lower`; a word is missing, empty, padded or
                there twice.
        """
        slots = [slot for _, slot, _ in _pieces(self.template) if slot is not None]
        count = slots.count(_LABEL)
        if count != 1:
            raise InputError(f"template={self.template!r} has {count} {{label}} slots; {_ACCEPTED}.")
        if len(slots) == 1:
            raise InputError(f"template={self.template!r} has no text slot; {_ACCEPTED}.")
        _check_words(self.words)

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the text fields, in the order in which the template first uses them."""
        slots = [slot for _, slot, _ in _pieces(self.template) if slot is not None and slot != _LABEL]
        return tuple(dict.fromkeys(slots))

    def render(self, fields: Mapping[str, str]) -> tuple[str, str]:
        """Return the text before and the text after the label slot.

        Texts are put in as they are but for the form that a slot names: braces in them mean nothing.

        Args:
            fields: Text of every field that the template names; others are ignored.

        Raises:
            InputError: A field is missing.
        """
        sides: tuple[list[str], list[str]] = ([], [])
        side = 0
        for literal, slot, form in _pieces(self.template):
            sides[side].append(literal)
            if slot == _LABEL:
                side = 1
            elif slot is not None:
                if slot not in fields:
                    raise unknown_name("slot", slot, fields)
                sides[side].append(_FORMS[form](fields[slot]))
        return "".join(sides[0]), "".join(sides[1])


def _pieces(template: str) -> list[tuple[str, str | None, str]]:
    """Return the literal texts of a template, each with the slot after it (None at the end) and its form."""
    try:
        parsed = list(Formatter().parse(template))
    except (TypeError, ValueError) as error:
        raise InputError(f"template={template!r} cannot be read: {error}; {_ACCEPTED}.") from error
    for _, slot, form, conversion in parsed:
        if slot is None:
            continue
        if not slot.isidentifier() or conversion or (form and (slot == _LABEL or form not in _FORMS)):
            raise InputError(
                f"template={template!r}: the slot {slot!r} must be a bare name, or that of a text with "
                f":cut or :lower; {_ACCEPTED}."
            )
    return [(literal, slot, form or "") for literal, slot, form, _ in parsed]


def _check_words(words: tuple[str, ...]) -> None:
    if not isinstance(words, tuple) or len(words) < 2 or not all(isinstance(word, str) for word in words):
        raise InputError(f"words={words!r} must be a tuple of at least two strings, one a class.")
    for word in words:
        if not word or word != word.strip():
            raise InputError(f"words={words!r}: {word!r} must be a word without spaces around it.")
        if words.count(word) > 1:
            raise InputError(f"words={words!r}: {word!r} stands for two classes; all must be distinct.")

"""Prompts: what is accepted, and that texts go in untouched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune.errors import InputError
from lintune.tasks import Prompt

WORDS = ("terrible", "great")
PAIR = Prompt("{{Premise}}: {premise} / {hypothesis}? {label}, {premise}!", ("Yes", "No"))


def test_fields_are_listed_once_in_order() -> None:
    assert PAIR.fields == ("premise", "hypothesis")


def test_render_splits_at_the_label() -> None:
    assert PAIR.render({"premise": "A", "hypothesis": "B", "more": "C"}) == ("{Premise}: A / B? ", ", A!")


@given(st.text(), st.text())
def test_texts_are_put_in_as_they_are(premise: str, hypothesis: str) -> None:
    before, after = PAIR.render({"premise": premise, "hypothesis": hypothesis})
    assert before == "{Premise}: " + premise + " / " + hypothesis + "? "
    assert after == ", " + premise + "!"


@given(
    st.sampled_from(
        ["{label}", "{text}", "{0}", "{{", "}}", "{", "}", "{text.__class__}", "{text!r:>{label}}"]
    )
)
def test_a_text_that_looks_like_a_template_is_only_text(text: str) -> None:
    assert Prompt("{text} It was {label}.", WORDS).render({"text": text}) == (f"{text} It was ", ".")


@pytest.mark.parametrize(
    ("premise", "hypothesis", "rendered"),
    [
        ("It rains.", "It is wet.", ("It rains? ", ", it is wet.")),
        ("It rains", "it is wet", ("It rains? ", ", it is wet")),
        ("Who rains ?", "", ("Who rains? ", ", ")),
        ("a ... ", "Éa.", ("a ..? ", ", éa.")),
        ('"No!"', "{A}", ('"No!"? ', ", {A}")),
    ],
)
def test_two_texts_become_one_sentence(premise: str, hypothesis: str, rendered: tuple[str, str]) -> None:
    prompt = Prompt("{premise:cut}? {label}, {hypothesis:lower}", ("Yes", "No"))
    assert prompt.fields == ("premise", "hypothesis")
    assert prompt.render({"premise": premise, "hypothesis": hypothesis}) == rendered


def test_a_missing_field_is_named() -> None:
    with pytest.raises(
        InputError,
        match="slot=.premise. is not known. Did you mean .premises.. Accepted: hypothesis, premises",
    ):
        PAIR.render({"premises": "A", "hypothesis": "B"})


@pytest.mark.parametrize(
    ("template", "complaint"),
    [
        ("{text} It was great.", r"has 0 \{label\} slots"),
        ("{label} {text} {label}", r"has 2 \{label\} slots"),
        ("It was {label}.", "has no text slot"),
        ("", r"has 0 \{label\} slots"),
        ("{text} It was {label", "cannot be read"),
        ("{text} It was {label}}.", "cannot be read"),
        ("{} It was {label}.", "'' must be a bare name"),
        ("{0} It was {label}.", "'0' must be a bare name"),
        ("{text.upper} It was {label}.", "'text.upper' must be a bare name"),
        ("{text:upper} It was {label}.", "'text' must be a bare name, or that of a text with :cut or :lower"),
        ("{text} It was {label:lower}.", "'label' must be a bare name"),
        ("{text!r} It was {label}.", "'text' must be a bare name"),
        ("{text:>9} It was {label}.", "'text' must be a bare name"),
        (None, "template=None cannot be read"),
    ],
)
def test_a_wrong_template_is_refused(template: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as raised:
        Prompt(template, WORDS)
    assert repr(template) in str(raised.value), "the value is named"
    assert "{text} It was {label}." in str(raised.value), "what would be accepted is shown"


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("great",), "at least two strings"),
        (("great", 3), "at least two strings"),
        (["terrible", "great"], "must be a tuple"),
        ("yn", "must be a tuple"),
        (("great", "great"), "'great' stands for two classes"),
        (("great", " bad"), "' bad' must be a word without spaces"),
        (("great", ""), "'' must be a word without spaces"),
    ],
)
def test_wrong_words_are_refused(words: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        Prompt("{text} It was {label}.", words)

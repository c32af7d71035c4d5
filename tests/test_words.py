"""Numbers and names in words."""

from lintune.words import listed, several


def test_one_is_singular_and_none_is_plural() -> None:
    assert [several(number, "draw") for number in (0, 1, 2)] == ["0 draws", "1 draw", "2 draws"]


def test_the_last_name_comes_after_an_and() -> None:
    assert listed("abc") == "a, b and c"
    assert listed(["a", "b"]) == "a and b"
    assert listed([1]) == "1"
    assert listed([]) == ""

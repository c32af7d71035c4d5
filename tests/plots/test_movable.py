"""Movable figures: pictures of one size, axes that stay, alternative texts, and input that is refused."""

import base64
import io
import json

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from lintune.errors import InputError
from lintune.plots.movable import Movable, movable

SLIDERS = {"rank": ["1", "2", "4"], "λ": ["0", "1"]}


def line(rank: int, pull: int = 0, limit: float = 3) -> Figure:
    """Draw a line whose labels differ in width, which would move the axes of a fresh layout."""
    figure, axis = plt.subplots(figsize=(3, 2))
    axis.plot([0, 1], [rank, pull])
    axis.set(xlim=(0, 1), ylim=(0, limit), yticks=[1], yticklabels=["m" * (1 + 5 * rank)])
    return figure


def told(rank: int, pull: int = 0) -> str:
    return f"rank {rank}, pull {pull}"


@pytest.fixture
def made() -> Movable:
    return movable(line, SLIDERS, (1, 0), told, figure="fig-made")


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB")).astype(int)


def frame(made: Movable, index: int) -> np.ndarray:
    uri = made.data["frames"][index]
    assert uri.startswith("data:image/png;base64,")
    return pixels(base64.b64decode(uri.partition(",")[2]))


def test_frames_are_all_places_the_last_slider_fastest(made: Movable) -> None:
    expected = [told(rank, pull) for rank in range(3) for pull in range(2)]
    assert made.data["alts"] == expected
    assert [each is None for each in made.data["frames"]] == [index == 2 for index in range(6)]
    assert made.data["sliders"] == [{"name": name, "values": values} for name, values in SLIDERS.items()]
    assert made.data["start"] == [1, 0]


def test_pictures_have_the_size_of_the_first_at_twice_the_screen(made: Movable) -> None:
    first = pixels(made.png)
    assert first.shape == (440, 660, 3)
    assert all(frame(made, index).shape == first.shape for index in (0, 1, 3, 4, 5))


def test_axes_stay_where_they_are(made: Movable) -> None:
    """The line at the left of the axes is in the same column of every picture."""

    def spine(picture: np.ndarray) -> int:
        dark = (picture.sum(axis=2) < 300).mean(axis=0)
        return int(np.argmax(dark > 0.7))

    assert {spine(frame(made, index)) for index in (0, 1, 4, 5)} == {spine(pixels(made.png))} != {0}


def test_pictures_show_their_place(made: Movable) -> None:
    assert np.abs(frame(made, 0) - frame(made, 1)).max() > 100


def test_outputs_are_a_picture_and_data_in_the_page(made: Movable) -> None:
    assert made.picture()._repr_png_() == made.png
    html = made.frames()._repr_html_()
    inside = html.partition(">")[2].removesuffix("</script>")
    assert html.startswith('<script type="application/json" class="movable">')
    assert "<" not in inside
    assert json.loads(inside) == made.data
    assert repr(made.frames()) == "6 pictures of fig-made"


def test_markup_in_a_text_stays_text() -> None:
    made = movable(line, {"rank": ["1", "2"]}, (0,), lambda place: "</script>", figure="fig-made")
    assert made.frames()._repr_html_().count("</script>") == 1


def test_rare_colours_are_kept() -> None:
    def draw(_: int) -> Figure:
        figure, axis = plt.subplots(figsize=(3, 2))
        axis.imshow(np.linspace(0, 1, 400)[None] * np.ones((4, 1)), cmap="hsv", aspect="auto")
        axis.plot(350, 2, "s", color="#FF00AA", markersize=2)
        return figure

    png = movable(draw, {"rank": ["1", "2"]}, (0,), told, figure="fig-made").png
    row = pixels(png)[220]
    assert {tuple(each > 128 for each in colour) for colour in row} >= {
        (True, False, False), (False, True, False), (False, False, True), (True, True, True),
    }  # fmt: skip
    assert pixels(png)[2, 2].tolist() == [255, 255, 255]


def test_figures_are_closed(made: Movable) -> None:
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("sliders", "start", "message"),
    [
        ({}, (), "one or two are accepted"),
        ({"a": ["0", "1"], "b": ["0", "1"], "c": ["0", "1"]}, (0, 0, 0), "one or two are accepted"),
        ({"a": ["0"]}, (0,), "at least two are needed"),
        ({"a": ["0", "1"]}, (2,), r"start=\(2,\) must be an index"),
        ({"a": ["0", "1"]}, (0, 0), r"start=\(0, 0\) must be an index"),
    ],
)
def test_sliders_are_refused(sliders: dict[str, list[str]], start: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        movable(line, sliders, start, told, figure="fig-made")


def test_limits_that_move_are_refused() -> None:
    def draw(rank: int) -> Figure:
        return line(rank, limit=3 + rank)

    with pytest.raises(InputError, match=r"draw\(1,\) differs from the start's figure"):
        movable(draw, {"rank": ["1", "2"]}, (0,), told, figure="fig-made")


def test_another_number_of_axes_is_refused() -> None:
    with pytest.raises(InputError, match="number of axes"):
        movable(
            lambda rank: plt.subplots(1, 1 + rank)[0], {"rank": ["1", "2"]}, (0,), told, figure="fig-made"
        )


def test_pictures_that_are_too_large_are_refused() -> None:
    rng = np.random.default_rng(0)

    def noise(_: int) -> Figure:
        figure, axis = plt.subplots(figsize=(8, 6))
        axis.imshow(rng.random((600, 800)))
        return figure

    with pytest.raises(InputError, match="of the page"):
        movable(noise, {"rank": ["1", "2", "3"]}, (0,), told, figure="fig-made")

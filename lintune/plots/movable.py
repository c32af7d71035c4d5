"""Figures that a reader can move: one picture for every place of the sliders, drawn beforehand.

The page shows the picture of the start as any other figure: with its caption, in print, without scripts.
Beside it lie the other pictures, which `book/_static/movable.js` puts in its place; nothing is computed or
fetched while a reader moves a slider.
"""

import base64
import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure
from PIL import Image
from scipy.spatial import cKDTree

from lintune.errors import InputError

# Colours of a picture: enough for the book's palette and the edges of its letters.
_COLOURS = 96
# Bytes that the pictures of one figure may take on a page.
_LIMIT = 750_000


@dataclass(frozen=True)
class Movable:
    """A figure that can be moved, as two outputs for two cells: myst-nb makes every output a figure.

    Attributes:
        png: The picture of the start, as the bytes of a file.
        data: What the page's script reads: `figure`, its name; `sliders`, each a `name` and its `values`;
            `start`, an index for each slider; `frames`, the pictures as URIs, the last slider fastest, None
            for that of the start; and the alternative text `alts` of each.
    """

    png: bytes
    data: dict[str, Any]

    def picture(self) -> "Picture":
        """Return the output of the cell that is the figure."""
        return Picture(self.png)

    def frames(self) -> "Frames":
        """Return the output of the next cell: the other pictures, invisible without the script."""
        return Frames(self.data)


@dataclass(frozen=True)
class Picture:
    """What a notebook shows as a picture."""

    png: bytes

    def _repr_png_(self) -> bytes:
        return self.png


@dataclass(frozen=True)
class Frames:
    """What a notebook puts into its page as data."""

    data: dict[str, Any]

    def __repr__(self) -> str:
        """Return what is seen where there is no page."""
        return f"{len(self.data['frames'])} pictures of {self.data['figure']}"

    def _repr_html_(self) -> str:
        text = json.dumps(self.data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
        return f'<script type="application/json" class="movable">{text}</script>'


def movable(
    draw: Callable[..., Figure],
    sliders: Mapping[str, Sequence[str]],
    start: Sequence[int],
    describe: Callable[..., str],
    *,
    figure: str,
) -> Movable:
    """Draw a figure for every place of its sliders.

    All pictures have the size of the start's and their axes in the same place, so that nothing jumps but
    what moves.

    Args:
        draw: Returns the figure at an index of each slider, with the same axes and limits at all of them.
        sliders: The values that a reader is shown, in order, by the name of each slider; one or two.
        start: Index of each slider in the picture that is shown first, and in print.
        describe: Returns the alternative text of the picture at an index of each slider.
        figure: Name of the figure in the page, such as `fig-pull`.

    Returns:
        The figure, for the ends of two cells: `picture()` in that of the figure, `frames()` in the next.

    Raises:
        InputError: No slider, or more than two, or one with less than two values; the start is none of
            their places; figures differ in size, number of axes or limits; or the pictures are too large.
    """
    start = tuple(start)
    places = _places(sliders, start)
    first = draw(*start)
    first.canvas.draw()  # the layout is made when a figure is drawn
    boxes = [axis.get_position().frozen() for axis in first.axes]
    shape = _shape(first)
    pictures = {
        place: _frame(first if place == start else draw(*place), boxes, shape, place) for place in places
    }
    uris = {place: None if place == start else _uri(png) for place, png in pictures.items()}
    size = sum(len(uri) for uri in uris.values() if uri)
    if size > _LIMIT:
        raise InputError(f"{len(places)} pictures take {size} bytes of the page, at most {_LIMIT} may be.")
    data = {
        "figure": figure,
        "sliders": [{"name": name, "values": list(values)} for name, values in sliders.items()],
        "start": list(start),
        "frames": [uris[place] for place in places],
        "alts": [describe(*place) for place in places],
    }
    return Movable(pictures[start], data)


def _places(sliders: Mapping[str, Sequence[str]], start: tuple[int, ...]) -> list[tuple[int, ...]]:
    if not 1 <= len(sliders) <= 2:
        raise InputError(f"sliders={list(sliders)}: one or two are accepted.")
    for name, values in sliders.items():
        if len(values) < 2:
            raise InputError(f"sliders: {name!r} has the values {list(values)}, at least two are needed.")
    places = list(product(*(range(len(values)) for values in sliders.values())))
    if start not in places:
        raise InputError(f"start={start} must be an index for each of the sliders {list(sliders)}.")
    return places


def _frame(figure: Figure, boxes: Sequence[Any], shape: Any, place: tuple[int, ...]) -> bytes:
    """Return a picture with its axes where those of the start are."""
    found = _shape(figure)
    if len(found) != len(shape) or not np.allclose(found, shape):
        raise InputError(
            f"draw{place} differs from the start's figure in size, number of axes or limits: "
            f"{found.tolist()}, not {shape.tolist()}."
        )
    figure.set_layout_engine("none")
    for axis, box in zip(figure.axes, boxes, strict=True):
        axis.set_position(box)
    png = _png(figure)
    plt.close(figure)
    return png


def _shape(figure: Figure) -> np.ndarray:
    """Return the size of a figure and the limits of its axes, flat."""
    limits = [limit for axis in figure.axes for limit in (*axis.get_xlim(), *axis.get_ylim())]
    return np.array([*figure.get_size_inches(), *limits])


def _png(figure: Figure) -> bytes:
    """Return the whole figure as a PNG with a palette, at the resolution of the book's other figures."""
    with plt.rc_context({"savefig.bbox": None}), io.BytesIO() as drawn, io.BytesIO() as packed:
        figure.savefig(drawn, format="png")
        _with_palette(Image.open(drawn).convert("RGB")).save(packed, "PNG", optimize=True)
        return packed.getvalue()


def _with_palette(image: Image.Image) -> Image.Image:
    """Return a picture in its own most frequent colours; the edges of letters get the nearest of them."""
    pixels = np.asarray(image).reshape(-1, 3)
    colours, inverse, counts = np.unique(
        pixels @ np.array([1 << 16, 1 << 8, 1]), return_inverse=True, return_counts=True
    )
    colours = np.stack([colours >> 16, colours >> 8 & 255, colours & 255], axis=1)
    order = np.argsort(-counts, kind="stable")
    # Of the rare colours one for each eighth of red, green and blue: a scale of colours keeps all of itself.
    spread = np.sort(np.unique(colours[order] >> 5, axis=0, return_index=True)[1])
    chosen = np.concatenate([np.arange(min(_COLOURS, len(order))), spread[spread >= _COLOURS]])[:256]
    frequent = colours[order[chosen]]
    nearest = cKDTree(frequent).query(colours)[1].astype(np.uint8)
    packed = Image.fromarray(nearest[inverse].reshape(image.height, image.width), "P")
    packed.putpalette(frequent.astype(np.uint8).tobytes())
    return packed


def _uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()

"""The script of movable figures in a browser: keyboard, mouse, texts, paper, phone, and no script at all."""

import base64
import json
import shutil
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, sync_playwright

from pipeline.browser import chromium, served
from tests.pipeline.project import ROOT

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium: install one or set CHROMIUM"),
]

COLOURS = ["red", "green", "blue", "black", "white", "grey"]
VALUES = {"rank": ["1", "2", "4"], "λ": ["0", "1"]}
START = 2


def png(colour: str) -> bytes:
    """Return a small picture of one colour."""
    with BytesIO() as file:
        Image.new("RGB", (40, 20), colour).save(file, "PNG")
        return file.getvalue()


def page_of(data: Mapping[str, object], scripts: str) -> str:
    """Return a page with a movable figure and its data, as the book has them."""
    head = '<link rel="stylesheet" href="movable.css"><meta name="viewport" content="width=device-width">'
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8">{head}<title>t</title>{scripts}'
        '<figure id="other"><img src="start.png" alt="another"></figure>'
        '<figure id="fig-made"><img src="start.png" alt="the start"><figcaption>Caption</figcaption></figure>'
        f'<div><script type="application/json" class="movable">{json.dumps(data)}</script></div></html>'
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("movable")
    for name in ("movable.js", "movable.css"):
        shutil.copy(ROOT / "book" / "_static" / name, folder)
    (folder / "start.png").write_bytes(png(COLOURS[START]))
    frames = [f"data:image/png;base64,{base64.b64encode(png(each)).decode()}" for each in COLOURS]
    data = {
        "figure": "fig-made",
        "sliders": [{"name": name, "values": values} for name, values in VALUES.items()],
        "start": [1, 0],
        "frames": [None if index == START else frame for index, frame in enumerate(frames)],
        "alts": [f"a {colour} field" for colour in COLOURS],
    }
    script = '<script src="movable.js"></script>'
    (folder / "index.html").write_text(page_of(data, script), encoding="utf-8")
    (folder / "unnamed.html").write_text(page_of({**data, "figure": "gone"}, script), encoding="utf-8")
    (folder / "plain.html").write_text(page_of(data, ""), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def pages(site: Path) -> Iterator[tuple[Page, str]]:
    with served(site) as root, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox"])
        yield browser.new_page(viewport={"width": 390, "height": 700}), root
        browser.close()


@pytest.fixture
def page(pages: tuple[Page, str]) -> Page:
    page, root = pages
    page.emulate_media(media="screen")
    page.goto(root)
    return page


def shows(page: Page, colour: str) -> bool:
    """Wait for the picture with this colour's text, and tell whether its pixels have the colour."""
    page.wait_for_selector(f'#fig-made img[alt="a {colour} field"]', timeout=3000)
    read = """async () => {
      const image = document.querySelector("#fig-made img"), canvas = document.createElement("canvas");
      await image.decode();
      const context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      return [...context.getImageData(5, 5, 1, 1).data.slice(0, 3)];
    }"""
    return page.evaluate(read) == list(Image.new("RGB", (1, 1), colour).tobytes())


def test_sliders_stand_between_picture_and_caption_with_their_labels(page: Page) -> None:
    assert page.eval_on_selector("#fig-made", "one => [...one.children].map(child => child.tagName)") == [
        "IMG", "DIV", "FIGCAPTION",
    ]  # fmt: skip
    for name, shown in (("rank", "2"), ("λ", "0")):
        slider = page.get_by_label(name, exact=True)
        assert slider.get_attribute("aria-valuetext") == shown
        assert slider.evaluate("one => one.labels.length") == 1
    assert page.locator("#other input").count() == 0


def test_keyboard_moves_the_figure(page: Page) -> None:
    slider = page.get_by_label("rank", exact=True)
    slider.focus()
    slider.press("ArrowRight")
    assert shows(page, "white")
    assert slider.get_attribute("aria-valuetext") == "4"
    assert page.locator("output").first.text_content() == "4"
    slider.press("Home")
    assert shows(page, "red")


def test_focus_is_seen(page: Page) -> None:
    page.keyboard.press("Tab")
    slider = page.get_by_label("rank", exact=True)
    assert slider.evaluate("one => one === document.activeElement")
    assert slider.evaluate("one => getComputedStyle(one).outlineStyle") == "solid"


def test_two_sliders_count_together_and_the_start_comes_back(page: Page) -> None:
    page.get_by_label("λ", exact=True).press("ArrowRight")
    assert shows(page, "black")
    page.get_by_label("rank", exact=True).press("ArrowLeft")
    assert shows(page, "green")
    page.get_by_label("λ", exact=True).press("ArrowLeft")
    page.get_by_label("rank", exact=True).press("ArrowRight")
    assert shows(page, "blue")
    assert page.locator("#fig-made img").get_attribute("src").endswith("start.png")  # type: ignore[union-attr]


def test_mouse_moves_the_figure(page: Page) -> None:
    box = page.get_by_label("rank", exact=True).bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 1, box["y"] + box["height"] / 2, steps=4)
    page.mouse.up()
    assert shows(page, "white")


def test_picture_keeps_its_size_and_the_page_its_width(page: Page) -> None:
    before = page.locator("#fig-made img").bounding_box()
    page.get_by_label("rank", exact=True).press("End")
    assert shows(page, "white")
    assert page.locator("#fig-made img").bounding_box() == before
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_paper_has_the_picture_and_no_slider(page: Page) -> None:
    page.emulate_media(media="print")
    assert not page.locator(".movable-sliders").is_visible()
    assert page.locator("#fig-made img").is_visible()


def test_figure_before_the_data_is_found_without_its_name(pages: tuple[Page, str]) -> None:
    page, root = pages
    page.goto(f"{root}/unnamed.html")
    assert page.locator("#fig-made input").count() == 2


def test_without_the_script_the_figure_stays_a_figure(pages: tuple[Page, str]) -> None:
    page, root = pages
    page.goto(f"{root}/plain.html")
    assert page.locator("input").count() == 0
    assert page.locator("#fig-made img").get_attribute("alt") == "the start"


def test_nothing_is_fetched_but_the_page(page: Page) -> None:
    root = page.url.rstrip("/")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(root)
    page.get_by_label("rank", exact=True).press("End")
    assert shows(page, "white")
    assert all(url.startswith((root, "data:")) for url in asked)
    assert {url.rpartition("/")[2] for url in asked if url.startswith(root)} <= {
        "", "movable.js", "movable.css", "start.png", "favicon.ico",
    }  # fmt: skip

"""Print the whole book into one PDF, as Chromium prints it: contents, bookmarks, links inside, page numbers.

    python -m pipeline.print_book [--out _build/book.pdf]

Sphinx's `singlehtml` makes one page of all executed notebooks; the print rules of the book's own style do the
rest. `print_book.js` mends that page: links that two chapters would share, and a table of contents.
"""

from pathlib import Path
from typing import Annotated

import typer
from playwright.sync_api import Page, sync_playwright

from pipeline.browser import chromium, served
from pipeline.render import render

BUILD = Path("_build/singlehtml")
WHOLE = "whole.html"
_TYPESET = 600_000  # milliseconds that MathJax may take for all formulas
_CONTENTS = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
_WIDTH = 658  # pixels of CSS between the margins: 210 mm - 2 x 18 mm at 96 to the inch
_FOOTER = """<div style="width: 100%; font-size: 8px; text-align: center; color: #5d6269">
<span class="pageNumber"></span></div>"""


def one_page() -> Path | None:
    """Render all pages as one, and return it; None where Sphinx failed."""
    if not render(builder="singlehtml", strict=False):
        return None
    made = BUILD / "book" / "intro.html"
    whole = BUILD / WHOLE  # links to images and styles start from the top
    made.replace(whole)
    return whole


def print_pdf(whole: Path, out: Path, executable: str) -> None:
    """Print a page of the folder that it lies in.

    Args:
        whole: The page.
        out: The PDF; replaced when the new one is complete.
        executable: Path of Chromium.
    """
    with served(whole.parent) as root, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        page = browser.new_context(color_scheme="light", reduced_motion="reduce").new_page()
        page.set_default_timeout(_TYPESET)
        page.goto(f"{root}/{whole.name}", wait_until="load")
        _prepare(page)
        part = out.with_suffix(".part")
        page.pdf(
            path=part,
            format="A4",
            margin={"top": "18mm", "bottom": "18mm", "left": "18mm", "right": "18mm"},
            display_header_footer=True,
            header_template="<span></span>",
            footer_template=_FOOTER,
            tagged=True,
            outline=True,
        )
        browser.close()
    part.replace(out)


def _prepare(page: Page) -> None:
    """Typeset, load every picture, and put a table of contents behind the first chapter."""
    page.emulate_media(media="print")
    page.set_viewport_size({"width": _WIDTH, "height": 900})
    page.evaluate("() => window.MathJax?.startup?.promise")
    page.evaluate(_CONTENTS)
    page.wait_for_function("() => [...document.images].every((image) => image.complete)")


def main(
    out: Annotated[Path, typer.Option(help="The PDF.")] = Path("_build/book.pdf"),
) -> None:
    """Print the book, whose notebooks have been executed, into one PDF."""
    executable = chromium()
    if executable is None:
        typer.echo("error: no Chromium found: install one, or name it in the variable CHROMIUM.", err=True)
        raise typer.Exit(2)
    whole = one_page()
    if whole is None:
        typer.echo("error: the book was not rendered as one page; does `make book` succeed?", err=True)
        raise typer.Exit(1)
    out.parent.mkdir(parents=True, exist_ok=True)
    print_pdf(whole, out, executable)
    typer.echo(f"The book in print: {out.absolute().as_uri()}")


if __name__ == "__main__":
    typer.run(main)

"""The browser gate catches each fault it is for, and passes a clean site.

One site with a page per fault is looked at once; each test reads what was found on its page.
"""

import importlib.util
import shutil
from pathlib import Path

import pytest
from typer import Typer
from typer.testing import CliRunner

from pipeline.browser import chromium
from pipeline.check_site import check, main

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium: install one or set CHROMIUM"),
]

DOT = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><circle cx="4" cy="4" r="4"/></svg>'
MATHJAX = '<script async src="_static/tex-chtml.js"></script>'
WIDE_IF_NARROW = '<p style="width: 600px">wide</p>'
DEAD_TABLE = """<table class="sortable"><thead><tr><th><button>n</button></th></tr></thead>
<tbody><tr><td>2</td></tr><tr><td>1</td></tr></tbody></table>"""
DEAD_SLIDER = """<figure><label>Rank <input type="range" max="3" value="1"></label>
<img src="dot.svg" alt="A black dot"></figure>"""
FAULTS = {
    "host.html": ('<script src="http://host.invalid/a.js"></script>', "a request to another host"),
    "console.html": ("<script>console.error('twice declared')</script>", "console: twice declared"),
    "script.html": ("<script>missing()</script>", "missing is not defined"),
    "status.html": ('<link rel="stylesheet" href="_static/none.css">', "/_static/none.css: HTTP 404"),
    "merror.html": (rf'{MATHJAX}<p class="math">\(\frac{{1}}\)</p>', "mathematics with an error"),
    "macro.html": (rf'{MATHJAX}<p class="math">\(\unknown x\)</p>', "a macro that MathJax does not know"),
    "untypeset.html": (rf'{MATHJAX}<p class="math">\(x</p>', "mathematics is not typeset"),
    "nomathjax.html": (r'<p class="math">\(x\)</p>', "MathJax did not start"),
    "broken.html": ('<img src="gone.png" alt="A falling curve">', "the image does not load"),
    "noalt.html": ('<img src="dot.svg">', "no alt text"),
    "filealt.html": ('<img src="dot.svg" alt="../_images/0af3.png">', "alt text that says nothing"),
    "vague.html": ('<img src="dot.svg" alt="figure">', "alt text that says nothing: 'figure'"),
    "sideways.html": ('<p style="width: 1500px">wide</p>', "scrolls sideways by"),
    "narrow.html": (WIDE_IF_NARROW, "at 390 px"),
    "link.html": ('<a href="nowhere.html">next</a>', "/nowhere.html, which does not exist"),
    "anchor.html": ('<a href="clean.html#nothing">there</a>', "#nothing, which is not on /clean.html"),
    "axe.html": ("<button></button>", "axe: Buttons must have discernible text"),
    "table.html": (DEAD_TABLE, "column 1 does not sort both ways"),
    "slider.html": (DEAD_SLIDER, "its picture does not change"),
    "search.html": ('<div id="search-results"></div>', "finds nothing for"),
    "dark.html": (
        "<script>if (matchMedia('(prefers-color-scheme: dark)').matches) console.error('too dark')</script>",
        "too dark (dark only)",
    ),
}
CLEAN = rf"""{MATHJAX}<h1 id="top">Clean</h1>
<p>An inline formula <span class="math">\(x^2\)</span> and one on its own:</p>
<div class="math" style="overflow-x: auto">\[ \sum_{{i=1}}^n {"x + " * 60} x \]</div>
<img src="dot.svg" alt="A black dot">
<a href="#top">up</a> <a href="index.html">on</a> <a href="https://doi.org/10.1/x">away</a>"""


def page(body: str) -> str:
    """Return a whole page of HTML."""
    return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>t</title><body>{body}</body></html>'


def make_site(folder: Path, pages: dict[str, str]) -> Path:
    """Write a site with MathJax, one picture, a redirect as its index, and the given pages."""
    spec = importlib.util.find_spec("sphinx-mathjax-offline")
    assert spec is not None
    assert spec.origin is not None
    mathjax = Path(spec.origin).parent / "static" / "mathjax"
    shutil.copytree(mathjax / "output" / "chtml" / "fonts", folder / "_static" / "output" / "chtml" / "fonts")
    shutil.copy(mathjax / "tex-chtml.js", folder / "_static")
    (folder / "_static" / "widget.html").write_text(page('<img src="gone.png">'))  # no page of the book
    (folder / "dot.svg").write_text(DOT)
    (folder / "index.html").write_text('<meta http-equiv="Refresh" content="0; url=clean.html" />')
    for name, body in pages.items():
        (folder / name).write_text(page(body))
    return folder


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Return what the gate finds on a site with one page per fault and a clean one."""
    pages = {name: body for name, (body, _) in FAULTS.items()} | {"clean.html": CLEAN}
    site = make_site(tmp_path_factory.mktemp("site"), pages)
    executable = chromium()
    assert executable is not None
    return check(site, executable)


@pytest.mark.parametrize("name", FAULTS)
def test_catches(name: str, found: list[str]) -> None:
    expected = FAULTS[name][1]
    assert any(line.startswith(f"{name}: ") and expected in line for line in found), found


def test_finds_nothing_else(found: list[str]) -> None:
    pages = {line.split(":")[0] for line in found}
    assert pages == set(FAULTS)


def test_names_the_element(found: list[str]) -> None:
    assert "noalt.html: <img> dot.svg: the image has no alt text" in found


def test_command_passes_a_clean_site_and_takes_screenshots(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", {"clean.html": CLEAN})
    app = Typer()
    app.command()(main)
    result = CliRunner().invoke(app, [str(site), "--screenshots", str(tmp_path / "shots")])
    assert result.exit_code == 0, result.output
    taken = {path.name for path in (tmp_path / "shots").iterdir()}
    assert taken == {f"clean-{scheme}-{width}.png" for scheme in ("light", "dark") for width in (1280, 390)}


def test_command_fails_on_a_fault(tmp_path: Path) -> None:
    site = make_site(tmp_path, {"clean.html": '<img src="dot.svg">'})
    app = Typer()
    app.command()(main)
    result = CliRunner().invoke(app, [str(site)])
    assert result.exit_code == 1
    assert "clean.html" in result.output


def test_command_refuses_a_folder_without_pages(tmp_path: Path) -> None:
    app = Typer()
    app.command()(main)
    assert CliRunner().invoke(app, [str(tmp_path)]).exit_code == 2

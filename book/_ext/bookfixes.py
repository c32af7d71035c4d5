"""What Jupyter Book 1.x and its theme get wrong for this book, put right in one place.

- MathJax comes from the installed `sphinx-mathjax-offline`, and only the files that a page can load:
  2.4 MB of its 24 MB.
- sphinx-thebe writes its scripts, which name outside hosts, into every page (twice, which is a
  JavaScript error). The book runs nothing in the browser, so the extension is silenced.
- The theme's edit links name the executed notebook, which is generated; they get its source instead.
"""

import importlib.util
import shutil
from pathlib import Path
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

MATHJAX_NEEDED = ("tex-chtml.js", "output/chtml/fonts", "input/tex/extensions", "a11y/assistive-mml.js")
EXECUTED, SOURCE = "notebooks/executed/", "notebooks/"


def silence_thebe(app: Sphinx, config: Config) -> None:
    """Disconnect every handler of sphinx-thebe, which Jupyter Book loads whether asked or not."""
    for event, listeners in app.events.listeners.items():
        app.events.listeners[event] = [
            one for one in listeners if not getattr(one.handler, "__module__", "").startswith("sphinx_thebe")
        ]


def copy_mathjax(app: Sphinx, failure: Exception | None) -> None:
    """Copy the MathJax files that pages load into the built site."""
    package = importlib.util.find_spec("sphinx-mathjax-offline")
    if failure or app.builder.format != "html" or package is None or package.origin is None:
        return
    mathjax = Path(package.origin).parent / "static" / "mathjax"
    target = Path(app.outdir) / "_static" / "mathjax"
    for name in MATHJAX_NEEDED:
        origin, copy = mathjax / name, target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if origin.is_dir():
            shutil.copytree(origin, copy, dirs_exist_ok=True)
        else:
            shutil.copy2(origin, copy)


def source_of(url: str) -> str:
    """Return the link to a notebook's source for a link to its executed copy; other links unchanged."""
    if EXECUTED not in url or "/edit/" not in url:
        return url
    return url.replace(EXECUTED, SOURCE).replace(".ipynb", ".md")


def link_sources(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Point the edit buttons of a page at the file that a reader can edit."""
    for button in context.get("header_buttons", []):
        for one in (button, *button.get("buttons", [])):
            if "url" in one:
                one["url"] = source_of(one["url"])


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the fixes; called by Sphinx."""
    app.config.mathjax_path = "mathjax/tex-chtml.js"  # type: ignore[attr-defined]
    app.connect("config-inited", silence_thebe)
    app.connect("html-page-context", link_sources, priority=900)  # after the theme made its buttons
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

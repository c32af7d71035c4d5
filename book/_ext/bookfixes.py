"""What Jupyter Book 1.x and its theme get wrong for this book, put right in one place.

- MathJax comes from the installed `sphinx-mathjax-offline`, and only the files that a page can load:
  2.4 MB of its 24 MB.
- sphinx-thebe writes its scripts, which name outside hosts, into every page (twice, which is a
  JavaScript error). The book runs nothing in the browser, so the extension is silenced.
- The theme's edit links name the executed notebook, which is generated; they get its source instead.
- In a docstring |x| is an absolute value; docutils takes it for a substitution, and the bars are escaped.
- Pages can be read in parallel, but two extensions do not say so of themselves, and sphinx-proof, which joins
  what was read by an event, lacks the method that Sphinx calls beside it.
- pybtex looks through all installed packages for its plugins, once more for every citation.
- A browser breaks the line between a formula and the full stop after it; the two are kept together.
"""

import importlib
import importlib.util
import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import pybtex.plugin
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx_proof.domain import ProofDomain

MATHJAX_NEEDED = ("tex-chtml.js", "output/chtml/fonts", "input/tex/extensions", "a11y/assistive-mml.js")
REFERENCE = "book/api/"
_RUNS = 4
EXECUTED, SOURCE = "notebooks/executed/", "notebooks/"


def silence_thebe(app: Sphinx, config: Config) -> None:
    """Disconnect every handler of sphinx-thebe, which Jupyter Book loads whether asked or not."""
    app.registry.css_files = [one for one in app.registry.css_files if "thebe" not in one[0]]
    for event, listeners in app.events.listeners.items():
        app.events.listeners[event] = [
            one for one in listeners if not getattr(one.handler, "__module__", "").startswith("sphinx_thebe")
        ]


def read_in_parallel(app: Sphinx, config: Config) -> None:
    """Let Sphinx read pages in several processes."""
    for name in ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex"):  # keep nothing of a page
        if name in app.extensions:
            app.extensions[name].parallel_read_safe = True
    ProofDomain.merge_domaindata = lambda self, docnames, otherdata: None  # what it has lies elsewhere


def share_out(app: Sphinx, env: BuildEnvironment, pages: list[str]) -> None:
    """Prepare for processes that each read a run of the pages: the costly ones lie beside each other."""
    pages[:] = [page for start in range(_RUNS) for page in pages[start::_RUNS]]
    if any(page.startswith(REFERENCE) for page in pages):
        importlib.import_module("lintune.advise")  # once, before they fork: torch alone takes seconds


def remember_plugins() -> None:
    """Let pybtex look for each of its plugins once."""
    pybtex.plugin._load_entry_point = cache(pybtex.plugin._load_entry_point)


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


def keep_bars(app: Sphinx, what: str, name: str, found: object, options: object, lines: list[str]) -> None:
    """Escape the bars of a docstring, except between backquotes."""
    lines[:] = [re.sub(r"(`[^`]*`)|\|", lambda part: part.group(1) or r"\|", line) for line in lines]


class KeepWithFormula(SphinxPostTransform):
    """Bind to an inline formula what follows it without a space: `$n$,` or `$n$-dimensional`."""

    default_priority = 900
    formats = ("html",)

    def run(self, **kwargs: object) -> None:
        """Wrap each such pair in a span that does not break."""
        for formula in list(self.document.findall(nodes.math)):
            text = formula.next_node(descend=False, siblings=True)
            tail = re.match(r"[^\w\s(\[]\S*", str(text)) if isinstance(text, nodes.Text) else None
            if tail:
                after = nodes.Text(tail.group())
                bound = nodes.inline("", "", formula.deepcopy(), after, classes=["nobreak"])
                formula.parent.replace(text, nodes.Text(text[tail.end() :]))
                formula.parent.replace(formula, bound)


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect the fixes; called by Sphinx."""
    app.config.mathjax_path = "mathjax/tex-chtml.js"
    app.add_post_transform(KeepWithFormula)
    remember_plugins()
    app.connect("autodoc-process-docstring", keep_bars)
    app.connect("config-inited", silence_thebe)
    app.connect("config-inited", read_in_parallel)
    app.connect("env-before-read-docs", share_out)
    app.connect("html-page-context", link_sources, priority=900)  # after the theme made its buttons
    app.connect("build-finished", copy_mathjax)
    return {"parallel_read_safe": True, "parallel_write_safe": True}

"""The browser gate: every page of the built book, looked at in Chromium, light and dark.

    python -m pipeline.check_site _build/html [--screenshots FOLDER]

Sphinx with warnings as errors does not see what a reader sees. This gate refuses a request to another
host, an error on the console, an answer of 400 or above, mathematics that is not typeset, an image
that is missing or has no alt text, a page that scrolls sideways, an internal link that leads nowhere, what
axe finds serious, and a search, table or slider that does nothing. `check_site.js` looks inside a page,
`check_actions` does what a reader does; this module steers the browser and follows links.
"""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Annotated, Literal
from urllib.parse import unquote

import typer
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Page, Response, Route, sync_playwright

from pipeline.browser import chromium, is_redirect, pages_of, served
from pipeline.check_actions import act, search

PROBE = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
WIDE, NARROW = 1280, 390
AXE = Axe()
_LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]
_CONTRAST = "color-contrast"
# MathJax's own boxes, autodoc's own lists and docutils' own list of citations are none of ours.
_OTHERS = ["mjx-container", "dl.py", ".citation-list"]
_OURS = {"exclude": [[other] for other in _OTHERS]}
_HIDE_OTHERS = f"{', '.join(_OTHERS)} {{ display: none !important; }}"  # thousands of elements on a page
# What may differ: contrast with the colours, all else with the width.
_RULES: dict[tuple[str, int], dict[str, object]] = {
    ("light", WIDE): {"runOnly": _LEVELS},
    ("dark", WIDE): {"runOnly": {"type": "rule", "values": [_CONTRAST]}},
    ("light", NARROW): {"runOnly": _LEVELS, "rules": {_CONTRAST: {"enabled": False}}},
}
# A width is looked at when the theme has settled on it, not half-way.
STILL = "*, ::before, ::after { transition: none !important; animation: none !important; }"
Scheme = Literal["light", "dark"]
SCHEMES: tuple[Scheme, ...] = ("light", "dark")
_BROWSERS = 8  # at most; each takes some 500 MB


@dataclass(frozen=True, order=True)
class Finding:
    """One fault of the site.

    Attributes:
        page: Path of the page below the site's root.
        element: What on the page is at fault.
        message: What is wrong with it.
    """

    page: str
    element: str
    message: str

    def __str__(self) -> str:
        """Return the finding as one line of the report."""
        return f"{self.page}: {self.element}: {self.message}"


@dataclass
class Visits:
    """What was seen on the pages so far.

    Attributes:
        findings: The faults, each with the colour schemes in which it was seen.
        anchors: The anchors of each page.
        links: Page, element, path and fragment of each internal link.
    """

    findings: dict[Finding, list[str]] = field(default_factory=dict)
    anchors: dict[str, set[str]] = field(default_factory=dict)
    links: set[tuple[str, str, str, str]] = field(default_factory=set)

    def add(self, page: str, element: str, message: str, scheme: str = "") -> None:
        """Note a fault; one that is seen in both colour schemes is one fault."""
        seen = self.findings.setdefault(Finding(page, element, message), [])
        if scheme and scheme not in seen:
            seen.append(scheme)

    def include(self, others: "Visits") -> None:
        """Add what another visitor has seen."""
        for finding, schemes in others.findings.items():
            seen = self.findings.setdefault(finding, [])
            seen += [scheme for scheme in schemes if scheme not in seen]
        self.anchors |= others.anchors
        self.links |= others.links

    def lines(self) -> list[str]:
        """Return the findings as text, naming the colour scheme of those seen in one only."""
        return [
            f"{finding} ({schemes[0]} only)" if len(schemes) == 1 else str(finding)
            for finding, schemes in sorted(self.findings.items())
        ]


def _listen(page: Page, root: str, name: str, scheme: Scheme, visits: Visits) -> None:
    """Note what goes wrong while a page loads, and keep it from any other host."""

    def on_route(route: Route) -> None:
        if route.request.url.startswith((root, "data:", "blob:")):
            route.continue_()
        else:
            visits.add(name, route.request.url, "a request to another host", scheme)
            route.abort()

    def on_console(message: ConsoleMessage) -> None:
        # A failed load is on the console too, without its cause; it is reported by the other listeners.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            visits.add(name, "console", message.text, scheme)

    def on_response(response: Response) -> None:
        if response.status >= 400:
            visits.add(name, response.url.removeprefix(root), f"HTTP {response.status}", scheme)

    page.route("**/*", on_route)
    page.on("console", on_console)
    page.on("response", on_response)
    page.on("pageerror", lambda error: visits.add(name, "script", str(error), scheme))


def _visit(page: Page, root: str, name: str, scheme: Scheme, visits: Visits, shots: Path | None) -> None:
    """Look at one page in one colour scheme, wide and narrow."""
    page.emulate_media(color_scheme=scheme)
    _listen(page, root, name, scheme, visits)
    page.goto(f"{root}/{name}", wait_until="load")
    page.add_style_tag(content=STILL)
    for width in (WIDE, NARROW):
        page.set_viewport_size({"width": width, "height": 900})
        seen = page.evaluate(PROBE, {"sideways": width == NARROW})
        for element, message in seen["faults"]:
            visits.add(name, element, message, scheme)
        visits.anchors.setdefault(name, set()).update(seen["ids"])
        visits.links.update((name, element, path, fragment) for element, path, fragment in seen["links"])
        for element, message in _barriers(page, _RULES.get((scheme, width))):
            visits.add(name, element, message, scheme)
        if shots:
            file = f"{name.removesuffix('.html').replace('/', '-')}-{scheme}-{width}.png"
            page.screenshot(path=shots / file, full_page=True)


def _barriers(page: Page, rules: dict[str, object] | None) -> list[tuple[str, str]]:
    """Return what keeps readers with a disability out, as axe finds it by some rules: element and message."""
    if rules is None:
        return []
    found = []
    options = rules | {"resultTypes": ["violations"], "preload": False}  # it would load styles anew
    style = page.add_style_tag(content=_HIDE_OTHERS)
    for rule in AXE.run(page, context=_OURS, options=options).response["violations"]:
        if rule["impact"] in ("serious", "critical"):
            found += [(" ".join(map(str, node["target"])), f"axe: {rule['help']}") for node in rule["nodes"]]
    style.evaluate("(one) => one.remove()")
    return found


def _follow(site: Path, visits: Visits) -> None:
    """Note each internal link whose file or anchor does not exist."""
    for page, element, path, fragment in sorted(visits.links):
        target = unquote(path).lstrip("/")
        if not target or target.endswith("/"):
            target += "index.html"
        if not (site / target).is_file():
            visits.add(page, element, f"leads to /{target}, which does not exist")
        elif fragment and target in visits.anchors and fragment not in visits.anchors[target]:
            visits.add(page, element, f"leads to #{fragment}, which is not on /{target}")


def _taken(names: "SimpleQueue[str]") -> Iterator[str]:
    """Take names from a queue that other visitors take from as well, until it is empty."""
    while True:
        try:
            yield names.get_nowait()
        except Empty:
            return


def _visitor(root: str, names: "SimpleQueue[str]", executable: str, shots: Path | None) -> Visits:
    """Look at the pages of a queue in a browser of one's own."""
    visits = Visits()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable)
        context = browser.new_context(reduced_motion="reduce")
        for name in _taken(names):
            for scheme in SCHEMES:
                page = context.new_page()
                _visit(page, root, name, scheme, visits, shots)
                if scheme == SCHEMES[0]:
                    for element, message in act(page):
                        visits.add(name, element, message)
                page.close()
            if name == "search.html":
                page = context.new_page()
                for message in search(page, root):
                    visits.add(name, "search", message)
                page.close()
        browser.close()
    return visits


def check(site: Path, executable: str, shots: Path | None = None) -> list[str]:
    """Look at every page of a built site, with a browser for each core.

    Args:
        site: The folder of the site.
        executable: Path of Chromium.
        shots: Folder for a screenshot of each page, scheme and width; None for none.

    Returns:
        One line per fault; empty if there is none.
    """
    names: SimpleQueue[str] = SimpleQueue()
    largest_first = sorted(pages_of(site), key=lambda name: -(site / name).stat().st_size)
    for name in largest_first:
        if not is_redirect(site, name):
            names.put(name)
    visits = Visits()
    browsers = min(os.cpu_count() or 1, _BROWSERS)
    with served(site) as root, ThreadPoolExecutor(browsers) as pool:
        for done in [pool.submit(_visitor, root, names, executable, shots) for _ in range(browsers)]:
            visits.include(done.result())
    _follow(site, visits)
    return visits.lines()


def main(
    site: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Folder of the built site.")],
    screenshots: Annotated[Path | None, typer.Option(help="Folder for screenshots of every page.")] = None,
) -> None:
    """Look at every page of the built book in Chromium and list what is wrong."""
    executable = chromium()
    if executable is None:
        typer.echo("No Chromium found: install one, or name it in the variable CHROMIUM.", err=True)
        raise typer.Exit(2)
    names = pages_of(site)
    if not names:
        typer.echo(f"{site} holds no page.", err=True)
        raise typer.Exit(2)
    if screenshots:
        screenshots.mkdir(parents=True, exist_ok=True)
    lines = check(site, executable, screenshots)
    typer.echo("\n".join(lines) or f"{len(names)} pages, nothing wrong.", err=bool(lines))
    raise typer.Exit(bool(lines))


if __name__ == "__main__":
    typer.run(main)

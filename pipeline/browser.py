"""The built site, served on this machine, and the browser that looks at it."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from playwright.sync_api import sync_playwright

NOT_PAGES = {"_static", "_sources", "_images", "_downloads", "_modules"}


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # keeps connections open, which halves the time of a run

    def log_message(self, format: str, *args: object) -> None:
        """Keep the report free of one line per request."""


@contextmanager
def served(site: Path) -> Iterator[str]:
    """Serve a folder on a free local port and yield its address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(site))) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def chromium() -> str | None:
    """Return the path of Chromium: `$CHROMIUM`, an installed one, or Playwright's own; None without any."""
    named = os.environ.get("CHROMIUM")
    installed = (shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome"))
    found = named or next(filter(None, installed), None)
    if found:
        return found
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    return own if Path(own).exists() else None


def pages_of(site: Path) -> list[str]:
    """Return the paths of the site's pages, below its root."""
    found = (path.relative_to(site) for path in site.rglob("*.html"))
    return sorted(path.as_posix() for path in found if not NOT_PAGES & set(path.parts))


def is_redirect(site: Path, page: str) -> bool:
    """Tell whether a page only sends the reader on; its target is visited by itself."""
    return 'http-equiv="refresh"' in (site / page).read_text(encoding="utf-8").lower()

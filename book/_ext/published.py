"""What only a published book has: an address on every page's card, and buttons that lead to its repository.

A book that was built on somebody's own machine has neither, so nothing on its pages leads to a place that may
not exist. The workflow that publishes the site says where it will be:

- `BOOK_URL`, the address of the site: canonical links, and social cards with absolute addresses;
- `BOOK_REPOSITORY`, the address of the repository on GitHub: source, issue and edit buttons, and one that
  opens the notebook's environment in Codespaces;
- `BOOK_PDF`, a file beside the first page: the whole book among the downloads of every page.
"""

import logging
import os
from typing import Any

from sphinx.application import Sphinx
from sphinx.config import Config

URL, REPOSITORY, PDF = (os.environ.get(name, "") for name in ("BOOK_URL", "BOOK_REPOSITORY", "BOOK_PDF"))


def configure(app: Sphinx, config: Config) -> None:
    """Tell Sphinx and the theme where the book will be."""
    if URL:
        config.html_baseurl = config.ogp_site_url = URL.rstrip("/") + "/"
    else:  # a card is shown by its absolute address
        config.ogp_social_cards = config.ogp_social_cards | {"enable": False}
    if REPOSITORY:
        config.html_theme_options |= {
            "repository_url": REPOSITORY,
            "repository_branch": "main",
            "path_to_docs": "",
            "use_repository_button": True,
            "use_issues_button": True,
            "use_source_button": True,
            "use_edit_page_button": True,
        }


def add_buttons(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object) -> None:
    """Add to a page's header the printed book, and for a notebook the environment that runs it."""
    buttons = context.get("header_buttons", [])
    downloads = next((one for one in buttons if one.get("label") == "download-buttons"), None)
    if PDF and downloads:
        downloads["buttons"].append(
            {
                "type": "link",
                "url": context["pathto"](PDF, 1),
                "text": "book.pdf",
                "tooltip": "Download the whole book",
                "icon": "fas fa-book",
                "label": "download-book-button",
            }
        )
    if REPOSITORY and context.get("ipynb_source"):
        owner_and_name = REPOSITORY.removesuffix("/").removesuffix(".git").split("github.com/")[-1]
        buttons.append(
            {
                "type": "link",
                "url": f"https://codespaces.new/{owner_and_name}",
                "tooltip": "Open the book's environment in Codespaces and run the notebook there",
                "icon": "fas fa-rocket",
                "label": "launch-codespaces-button",
            }
        )


def setup(app: Sphinx) -> dict[str, bool]:
    """Connect; called by Sphinx."""
    # The cards' font has no bold face, of which matplotlib tells on every build.
    logging.getLogger("matplotlib.font_manager").setLevel(logging.ERROR)
    app.connect("config-inited", configure, priority=100)  # before the theme reads its options
    app.connect("html-page-context", add_buttons, priority=901)  # after bookfixes has mended the theme's
    return {"parallel_read_safe": True, "parallel_write_safe": True}

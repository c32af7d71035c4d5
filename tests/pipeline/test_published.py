"""A book built at home leads nowhere outside; a published one to its own address and repository."""

import importlib.util
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

EXTENSION = Path(__file__).parents[2] / "book/_ext/published.py"
NAMES = ("BOOK_URL", "BOOK_REPOSITORY", "BOOK_PDF")


def load(monkeypatch: pytest.MonkeyPatch, **given: str) -> ModuleType:
    """Import the extension with these variables set, and the others not."""
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    for name, value in given.items():
        monkeypatch.setenv(name, value)
    spec = importlib.util.spec_from_file_location("published", EXTENSION)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def page() -> dict[str, Any]:
    """Return what the theme knows of a notebook's page."""
    return {
        "header_buttons": [{"label": "download-buttons", "buttons": []}],
        "pathto": lambda name, resource: f"../{name}",
        "ipynb_source": "notebooks/executed/one.ipynb",
    }


def test_a_book_built_at_home_has_no_outside_links(monkeypatch: pytest.MonkeyPatch) -> None:
    module, context = load(monkeypatch), page()
    config = SimpleNamespace(
        html_theme_options={}, html_baseurl="", ogp_site_url="", ogp_social_cards={"image": "card.png"}
    )
    module.configure(None, config)
    module.add_buttons(None, "one", "page.html", context, None)
    assert config.html_theme_options == {}
    assert config.ogp_site_url == ""
    assert config.ogp_social_cards == {"image": "card.png", "enable": False}
    assert context["header_buttons"] == page()["header_buttons"]


def test_a_published_book_leads_to_its_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    where = {"BOOK_URL": "https://a.example/book", "BOOK_REPOSITORY": "https://github.com/owner/name"}
    module, context = load(monkeypatch, **where, BOOK_PDF="book.pdf"), page()
    config = SimpleNamespace(
        html_theme_options={"logo": {}}, html_baseurl="", ogp_site_url="", ogp_social_cards={}
    )
    module.configure(None, config)
    module.add_buttons(None, "one", "page.html", context, None)
    assert config.html_baseurl == config.ogp_site_url == "https://a.example/book/"
    assert config.ogp_social_cards == {}
    assert config.html_theme_options["repository_url"] == "https://github.com/owner/name"
    assert "logo" in config.html_theme_options
    downloads, launch = context["header_buttons"]
    assert downloads["buttons"][0]["url"] == "../book.pdf"
    assert launch["url"] == "https://codespaces.new/owner/name"

"""The printed book has every chapter, bookmarks, and links that arrive where they point."""

import pytest
from pypdf import PdfReader

from pipeline.browser import chromium
from pipeline.print_book import print_pdf

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(chromium() is None, reason="no Chromium: install one or set CHROMIUM"),
]

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>A book</title><body>
<article class="bd-article"><section id="a-book"><h1>A book</h1><p>Front.</p>
<div class="toctree-wrapper compound">
<span id="document-notebooks/one"></span><section id="one"><h2>Chapter one</h2>
<section id="exercises"><h3>Exercises</h3><p><a href="#exercises">mine one</a></p></section>
<p class="bibtex-citation"><a href="book/intro.html#id1">cited</a></p><p id="id1">not this</p></section>
<span id="document-notebooks/two"></span><section id="two"><h2>Chapter two</h2>
<section id="exercises"><h3>Exercises</h3><p><a href="#exercises">mine two</a></p></section>
<table><tr><td><div style="width: 900px">left</div></td><td>outermost</td></tr></table>
<section id="last"><h3>Last</h3>
<p style="break-before: page"><a href="one.html#exercises">theirs</a></p></section></section>
<span id="document-bib"></span><section id="bibliography"><h2>Bibliography</h2>
<div class="citation-list"><div class="citation" id="id1">Jacot 2018</div></div></section>
</div><div class="toctree-wrapper compound">
<span id="document-book/api/index"></span><section id="api"><h2>Library</h2>
<p>A thousand names.</p></section>
<span id="document-book/api/more"></span><section id="more"><h2>More</h2>
<p>A thousand names.</p></section>
</div></section></article><nav id="pst-page-toc-nav">
<p class="caption"><span>First part</span></p><p class="caption"><span>For looking up</span></p></nav>
<style>@media print { nav[id] { display: none } .toctree-wrapper > section { break-before: page } }
</style></body></html>"""


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> PdfReader:
    """Print a small book."""
    folder = tmp_path_factory.mktemp("book")
    (folder / "whole.html").write_text(PAGE, encoding="utf-8")
    executable = chromium()
    assert executable is not None
    print_pdf(folder / "whole.html", folder / "book.pdf", executable)
    assert not (folder / "book.part").exists()
    return PdfReader(folder / "book.pdf")


def page_of(printed: PdfReader, words: str) -> int:
    """Return the last page on which words stand."""
    return max(place for place, page in enumerate(printed.pages) if words in page.extract_text())


def targets(printed: PdfReader) -> list[tuple[int, int]]:
    """Return page and target page of every link inside the book, in the order of the pages."""
    numbers = {page.indirect_reference.idnum: place for place, page in enumerate(printed.pages)}  # type: ignore[union-attr]
    found = []
    for place, page in enumerate(printed.pages):
        for annotation in page.get("/Annots", []):
            name = annotation.get_object().get("/Dest")
            if name is not None:
                destination = printed.named_destinations[str(name)]
                found.append((place, numbers[destination.page.idnum]))  # type: ignore[union-attr]
    return found


def test_has_a_table_of_contents_that_leads_to_the_chapters(printed: PdfReader) -> None:
    contents = next(place for place, page in enumerate(printed.pages) if "Contents" in page.extract_text())
    assert "First part" in printed.pages[contents].extract_text()
    leads = [to for place, to in targets(printed) if place == contents]
    assert leads == [page_of(printed, words) for words in ("mine one", "mine two", "Jacot 2018")]


def test_a_link_stays_in_its_chapter(printed: PdfReader) -> None:
    for words in ("mine one", "mine two"):
        place = page_of(printed, words)
        assert (place, place) in targets(printed)


def test_a_link_to_another_page_leads_to_that_chapter(printed: PdfReader) -> None:
    assert (page_of(printed, "theirs"), page_of(printed, "mine one")) in targets(printed)


def test_a_citation_leads_to_the_bibliography(printed: PdfReader) -> None:
    assert (page_of(printed, "cited"), page_of(printed, "Jacot 2018")) in targets(printed)


def test_leaves_the_reference_of_the_library_to_the_site(printed: PdfReader) -> None:
    for words in ("A thousand names", "For looking up"):
        assert not any(words in page.extract_text() for page in printed.pages)


def test_a_wide_table_fits_on_the_page(printed: PdfReader) -> None:
    page = printed.pages[page_of(printed, "outermost")]
    found: list[float] = []

    def note(text: str, user: list[float], matrix: list[float], *font: object) -> None:
        if "outermost" in text:
            found.append(user[0] * matrix[4] + user[4])

    page.extract_text(visitor_text=note)
    assert found
    assert max(found) < float(page.mediabox.width) - 51  # of which 18 mm are margin


def test_has_bookmarks(printed: PdfReader) -> None:
    def titles(outline: list) -> list[str]:
        return [
            title for one in outline for title in (titles(one) if isinstance(one, list) else [str(one.title)])
        ]

    found = titles(printed.outline)
    assert [title for title in found if title.startswith("Chapter")] == ["Chapter one", "Chapter two"]

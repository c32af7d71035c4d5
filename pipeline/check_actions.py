"""What a reader does on a page: sort a table, move a figure, search. Each must have its effect."""

from playwright.sync_api import Locator, Page
from playwright.sync_api import TimeoutError as Late

QUERY = "kernel ridge regression"
_PATIENCE = 10_000  # milliseconds until a search must have found something
_DECODED = 5_000  # until a picture must have been decoded, on a busy machine
_COLUMN = "(table, place) => [...table.tBodies[0].rows].map((row) => row.cells[place].textContent)"
# The picture of the figure that a slider belongs to, as long as the two share a box.
_PICTURE = "(slider) => (slider.closest('figure') || slider.closest('.cell')).querySelector('img').src"
_MOVED = f"([slider, before]) => ({_PICTURE})(slider) !== before"


def act(page: Page) -> list[tuple[str, str]]:
    """Use every sortable table and every slider of a page; return element and message of those that fail."""
    faults = [
        (f"table.sortable {number}", message)
        for number, table in enumerate(page.locator("table.sortable").all(), start=1)
        for message in sort(table)
    ]
    for slider in page.locator("input[type=range]").all():
        faults += [(slider.get_attribute("id") or "slider", message) for message in move(slider)]
    return faults


def sort(table: Locator) -> list[str]:
    """Sort a table by each column, both ways; no row may be lost and the second way is the first reversed."""
    faults = []
    heads = table.locator("thead th button").all()
    if not heads:
        return ["its heads are no buttons: nothing sorts it"]
    moved = False
    for place, head in enumerate(heads):
        before = table.evaluate(_COLUMN, place)
        head.dispatch_event("click")
        up = table.evaluate(_COLUMN, place)
        head.dispatch_event("click")
        down = table.evaluate(_COLUMN, place)
        filled = [text for text in up if text.strip()]
        moved |= before != up or up != down
        if sorted(before) != sorted(up) or [text for text in down if text.strip()] != filled[::-1]:
            faults.append(f"column {place + 1} does not sort both ways")
    return faults or ([] if moved else ["no column changes the order"])


def move(slider: Locator) -> list[str]:
    """Move a slider by one step of the keyboard; its picture and the value that is read out must change."""
    at_end = slider.evaluate("(one) => one.value === one.max")
    picture, value = slider.evaluate(_PICTURE), slider.get_attribute("aria-valuetext")
    slider.press("ArrowLeft" if at_end else "ArrowRight")
    said = slider.get_attribute("aria-valuetext")
    faults = [] if said and said != value else ["its value is not read out"]
    try:
        slider.page.wait_for_function(_MOVED, arg=[slider.element_handle(), picture], timeout=_DECODED)
    except Late:
        faults.append("its picture does not change")
    return faults


def search(page: Page, root: str) -> list[str]:
    """Search the book for words that it holds; the results must lead to pages."""
    page.goto(f"{root}/search.html?q={QUERY.replace(' ', '+')}")
    try:
        page.locator("#search-results li a").first.wait_for(timeout=_PATIENCE)
    except Late:
        return [f"finds nothing for {QUERY!r}"]
    return []

// Tables of class `sortable`: a click on a column's head, or Enter on its button, sorts the rows by it.
(() => {
  const number = /^[\s(]*([-\u2212+]?\d[\d.]*(?:e[-\u2212+]?\d+)?)/i;
  const valueOf = (cell) => {
    const text = cell.textContent.trim();
    const found = text.match(number);
    return { text, number: found ? parseFloat(found[1].replaceAll("\u2212", "-")) : NaN };
  };
  // Numbers first, by size; text after them, by the alphabet; empty cells last whichever way.
  const compare = (one, other, way) => {
    if (!one.text || !other.text) return !one.text - !other.text;
    const numeric = !Number.isNaN(one.number) - !Number.isNaN(other.number);
    if (numeric) return -numeric * way;
    const bySize = Number.isNaN(one.number) ? 0 : one.number - other.number;
    return (bySize || one.text.localeCompare(other.text)) * way;
  };
  const sort = (table, heads, place) => {
    const way = heads[place].getAttribute("aria-sort") === "ascending" ? -1 : 1;
    heads.forEach((head) => head.removeAttribute("aria-sort"));
    heads[place].setAttribute("aria-sort", way === 1 ? "ascending" : "descending");
    const body = table.tBodies[0];
    const keyed = [...body.rows].map((row) => ({ row, key: valueOf(row.cells[place]) }));
    keyed.sort((one, other) => compare(one.key, other.key, way));
    body.append(...keyed.map((each) => each.row));
  };
  const prepare = (table) => {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, place) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      button.addEventListener("click", () => sort(table, heads, place));
      head.scope = "col";
      head.replaceChildren(button);
    });
  };
  const start = () => document.querySelectorAll("table.sortable").forEach(prepare);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", start);
  else start();
})();

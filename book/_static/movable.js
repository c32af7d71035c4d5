/* Figures that a reader can move. Beside such a figure lies <script type="application/json" class="movable">
   with its other pictures (see lintune/plots/movable.py); this puts labelled sliders under the figure and the
   picture of their place into it. Nothing is fetched. Without scripts the figure stays as it is. */
(() => {
  "use strict";

  const make = (tag, attributes, ...children) => {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
    node.append(...children);
    return node;
  };

  /* The figure of that name; else the last one before the data. */
  const figureOf = (script, name) => {
    const named = document.getElementById(name);
    if (named && named.querySelector("img")) return named;
    const before = [...document.querySelectorAll("figure")].filter(
      (one) => one.compareDocumentPosition(script) & Node.DOCUMENT_POSITION_FOLLOWING && one.querySelector("img"),
    );
    return before.pop();
  };

  const slider = (id, picture, { name, values }, place, onMove) => {
    const input = make("input", {
      type: "range", id, min: 0, max: values.length - 1, step: 1, value: place,
      "aria-controls": picture.id, autocomplete: "off",
    });
    const output = make("output", { for: id, "aria-hidden": "true" });
    const show = () => {
      output.textContent = values[input.value];
      input.setAttribute("aria-valuetext", values[input.value]);
    };
    input.addEventListener("input", () => { show(); onMove(); });
    show();
    const row = make("div", { class: "movable-row" }, make("label", { for: id }, name), input, output);
    return { input, row };
  };

  const start = (script, number) => {
    const { figure: name, sliders, start: places, frames, alts } = JSON.parse(script.textContent);
    const figure = figureOf(script, name);
    if (!figure || figure.classList.contains("movable-figure")) return;
    const picture = figure.querySelector("img");
    const first = picture.src;
    picture.id ||= `movable-picture-${number}`;

    let ready;  // the pictures are decoded once, when a reader comes near the sliders
    const prepare = () => (ready ||= frames.map((uri) => {
      const image = new Image();
      image.src = uri || first;
      return image.decode().catch(() => {});
    }));

    let wanted = 0;
    const move = async () => {
      const index = parts.reduce((sum, { input }, i) => sum * sliders[i].values.length + Number(input.value), 0);
      const mine = ++wanted;
      await prepare()[index];
      if (mine !== wanted) return;  // the reader has moved on
      picture.src = frames[index] || first;
      picture.alt = alts[index];
    };
    const parts = sliders.map((each, i) =>
      slider(`movable-${number}-${i}`, picture, each, places[i], move));

    /* The picture keeps its place on the page while another one is put into it. */
    const hold = () => {
      picture.setAttribute("width", picture.naturalWidth);
      picture.setAttribute("height", picture.naturalHeight);
    };
    if (picture.complete && picture.naturalWidth) hold();
    else picture.addEventListener("load", hold, { once: true });

    const group = make("div", { class: "movable-sliders", role: "group", "aria-label": "Move this figure" },
      ...parts.map(({ row }) => row));
    for (const event of ["pointerenter", "focusin", "touchstart"])
      group.addEventListener(event, prepare, { once: true, passive: true });
    figure.classList.add("movable-figure");
    const caption = figure.querySelector("figcaption");
    if (caption) caption.before(group);
    else figure.append(group);
  };

  const startAll = () => document.querySelectorAll("script.movable").forEach(start);
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", startAll);
  else startAll();
})();

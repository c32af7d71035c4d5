// Runs inside a page of the built site and says what is wrong with it; check_site.py calls it.
// Returns {faults: [[element, message]], ids: [...], links: [...]}.
async ({sideways}) => {
  const faults = [];
  const name = (node) => {
    const id = node.id ? `#${node.id}` : "";
    const kind = typeof node.className === "string" && node.className ? `.${node.className.trim().split(/\s+/)[0]}` : "";
    const text = (node.textContent || "").trim().replace(/\s+/g, " ").slice(0, 50);
    const source = node.getAttribute("src") || node.getAttribute("href") || text;
    return `<${node.tagName.toLowerCase()}${id}${kind}>${source ? ` ${source}` : ""}`;
  };
  const fault = (node, message) => faults.push([name(node), message]);

  const checkMathematics = async () => {
    const formulas = [...document.querySelectorAll(".math")];
    if (formulas.length && !window.MathJax?.startup?.promise) {
      fault(formulas[0], "mathematics, but MathJax did not start");
      return;
    }
    await window.MathJax?.startup?.promise;
    for (const formula of formulas) {
      if (!formula.querySelector("mjx-container")) fault(formula, "mathematics is not typeset");
    }
    for (const error of document.querySelectorAll("mjx-merror, [data-mjx-error]")) {
      const message = error.dataset.mjxError || error.getAttribute("title") || error.textContent;
      fault(error.closest(".math") || error, `mathematics with an error: ${message.slice(0, 80)}`);
    }
    // An undefined macro is printed in red instead of being reported.
    for (const red of document.querySelectorAll('mjx-container [style*="color: red"]')) {
      if (!red.closest("mjx-merror")) fault(red.closest(".math") || red, "a macro that MathJax does not know");
    }
  };

  const vague = /^(image|images|figure|fig|plot|graph|picture|chart|output|logo|untitled)\.?$/i;
  const filelike = /\.(png|jpe?g|svg|gif|webp|pdf)$|_images\/|^(image|png|svg)\//i;
  const checkImages = () => {
    for (const image of document.images) {
      if (!image.complete || image.naturalWidth === 0) fault(image, "the image does not load");
      const alt = (image.getAttribute("alt") || "").trim();
      if (!alt) fault(image, "the image has no alt text");
      else if (filelike.test(alt) || vague.test(alt)) fault(image, `alt text that says nothing: '${alt}'`);
    }
  };

  // What scrolls within a box, or hangs over the page, does not widen it.
  const isApart = (node) => {
    for (let up = node; up && up !== document.body; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (style.position === "fixed") return true;
      if (up !== node && ["auto", "scroll", "hidden", "clip"].includes(style.overflowX)) return true;
    }
    return false;
  };
  const checkWidth = () => {
    const width = document.documentElement.clientWidth;
    const excess = document.documentElement.scrollWidth - width;
    if (excess <= 1) return;
    const wide = [...document.body.querySelectorAll("*")]
      .filter((node) => node.getBoundingClientRect().right > width + 1 && !isApart(node))
      .sort((one, other) => other.getBoundingClientRect().right - one.getBoundingClientRect().right);
    fault(wide[0] || document.body, `the page scrolls sideways by ${excess} px at ${width} px`);
  };

  if (sideways) {
    checkWidth();
    return {faults, ids: [], links: []};
  }
  await checkMathematics();
  checkImages();
  checkWidth();
  return {
    faults,
    ids: [...document.querySelectorAll("[id], a[name]")].flatMap((node) => [node.id, node.name]).filter(Boolean),
    links: [...document.querySelectorAll("a[href]")]
      .filter((link) => link.origin === location.origin)
      .map((link) => [name(link), link.pathname, decodeURIComponent(link.hash.slice(1))]),
  };
}

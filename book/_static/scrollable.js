// What scrolls sideways on a narrow screen can be reached and scrolled by the keyboard as well.
(() => {
  const boxes = ".cell_output .text_html, .pst-scrollable-table-container, div.highlight pre, div.math";
  const mark = () => document.querySelectorAll(boxes).forEach((box) => {
    if (box.scrollWidth > box.clientWidth + 1) {
      box.tabIndex = 0;
      box.setAttribute("role", "region");
      box.setAttribute("aria-label", "Scrolls sideways");
    }
  });
  window.addEventListener("load", mark);
  window.addEventListener("resize", mark);
})();

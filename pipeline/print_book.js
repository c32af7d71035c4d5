// Runs in the book on one page before it is printed: links that arrive, a table of contents, tables that fit, every picture loaded.
() => {
  const main = document.querySelector(".bd-article");
  const starts = [...main.querySelectorAll('span[id^="document-"]')];
  const chapterOf = (start) => start.nextElementSibling;
  const chapters = starts.map(chapterOf).filter((section) => section?.tagName === "SECTION");

  // The library's reference is for looking up, and half as long as the book: it stays on the site.
  const isReference = (chapter) => chapter.previousElementSibling?.id.startsWith("document-book/api/");
  chapters.filter(isReference).forEach((page) => chapters.splice(chapters.indexOf(page), 1)[0].remove());

  // On one page the same id stands in several chapters: each chapter's become its own, and its links follow.
  const clean = (href) => href.slice(href.indexOf("#") + 1);
  const bibliography = chapters.find((chapter) => chapter.querySelector(".citation-list, .citation"));
  chapters.forEach((chapter, number) => {
    chapter.querySelectorAll("[id]").forEach((one) => { one.dataset.was = one.id; one.id = `c${number}-${one.id}`; });
    chapter.dataset.was = chapter.id;
  });
  const find = (name, within) => within?.querySelector(`[data-was="${CSS.escape(name)}"]`);
  const chapterOfFile = (href) => {
    const file = href.match(/([\w-]+)\.html#/)?.[1];
    return file && chapters.find((chapter) => chapter.previousElementSibling.id.endsWith(`/${file}`));
  };
  const target = (link, name, chapter) => {
    if (link.closest(".bibtex-citation")) return find(name, bibliography);
    const named = chapterOfFile(link.getAttribute("href"));
    if (named) return find(name, named);
    return find(name, chapter) || document.getElementById(name) || find(name, main);
  };
  main.querySelectorAll('a[href*="#"]').forEach((link) => {
    const href = link.getAttribute("href");
    if (/^[a-z]+:/i.test(href)) return;
    const found = target(link, decodeURIComponent(clean(href)), chapters.find((chapter) => chapter.contains(link)));
    if (found?.id) link.href = `#${found.id}`;
    else link.removeAttribute("href");
  });

  const contents = document.createElement("nav");
  contents.className = "printed-contents";
  contents.innerHTML = '<p class="printed-title">Contents</p>';
  const line = (heading, id, kind) => {
    const link = document.createElement("a");
    const copy = heading.cloneNode(true);
    copy.querySelectorAll(".headerlink, mjx-assistive-mml").forEach((one) => one.remove());
    link.append(...copy.childNodes);
    link.className = kind;
    if (id) link.href = `#${id}`;
    return link;
  };
  // Sphinx leaves the names of the parts out of the page itself; its sidebar has them, in the same order.
  const captions = document.querySelectorAll("#pst-page-toc-nav > .caption");
  main.querySelectorAll(".toctree-wrapper").forEach((part, number) => {
    const caption = captions[number];
    const own = chapters.filter((chapter) => part.contains(chapter));
    if (!own.length) part.remove();
    else if (caption) contents.append(line(caption, "", "printed-part"));
    own.forEach((chapter) => {
      contents.append(line(chapter.querySelector("h1, h2"), chapter.id, "printed-chapter"));
    });
  });
  main.querySelector(".toctree-wrapper")?.before(contents);
  // Paper does not scroll: a table that is too wide even so is made smaller as a whole.
  const right = main.getBoundingClientRect().right;
  main.querySelectorAll("table").forEach((table) => {
    const box = table.getBoundingClientRect();
    if (box.right > right + 1) table.style.zoom = (right - box.left) / box.width;
  });
  document.querySelectorAll("img[loading=lazy]").forEach((image) => { image.loading = "eager"; });
}

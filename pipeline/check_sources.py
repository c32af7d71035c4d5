"""The text gate: faults in prose and notebooks that Sphinx renders without a word.

    python -m pipeline.check_sources [ROOT]

Read are `book/*.md`, `notebooks/*.md` and what was executed under `notebooks/executed`. Markdown is
parsed as the book parses it (MyST), notebooks as the pipeline reads them (jupytext, nbformat).
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import jupytext
import nbformat
import typer
from docutils.parsers.rst.directives.images import Image
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.directives import MarkupError, parse_directive_text
from myst_parser.parsers.mdit import create_md_parser
from nbformat import NotebookNode

EXTENSIONS = {"amsmath", "colon_fence", "deflist", "dollarmath", "substitution"}  # as in _config.yml
VERBATIM = {"code-cell", "code-block", "code", "sourcecode", "literalinclude", "raw", "eval-rst"}
FENCES = {"fence", "colon_fence"}
WITHOUT_MARKUP = {"code_inline", "code_block", "front_matter"}
RAW_REFERENCE = re.compile(r"\\(?:eq|auto|page|c|C)?ref\b")


def directive_of(token: Token) -> tuple[str, str]:
    """Return name and argument of a directive's fence, or two empty strings for another token."""
    match = re.fullmatch(r"\{([^}]+)\}\s*(.*)", token.info.strip()) if token.type in FENCES else None
    return (match[1], match[2]) if match else ("", "")


def _is_open(token: Token, lines: list[str]) -> bool:
    """Tell whether a fence ends with its container and not with a closing line."""
    assert token.map is not None  # block tokens have one
    marker = token.markup
    last = lines[token.map[1] - 1].lstrip(" >")  # a quotation's marks are not the fence's
    closing = len(last.rstrip()) >= len(marker) and not last.strip().strip(marker[0])
    return token.map[1] - token.map[0] < 2 or not closing


def _tokens(parser: MarkdownIt, text: str, first_line: int = 1) -> Iterator[tuple[Token, int, bool]]:
    """Yield each token of a text, its line, and whether it is a fence that is never closed.

    Directives are Markdown inside a fence, so their content is read in its turn.
    """
    lines = text.splitlines()
    line = first_line
    for token in parser.parse(text):
        line = first_line + token.map[0] if token.map else line
        yield token, line, token.type in FENCES and _is_open(token, lines)
        for child in token.children or []:
            yield child, line, False
        name, _ = directive_of(token)
        if name and name not in VERBATIM | {"math"}:
            yield from _tokens(parser, token.content, line + 1)


def _lacks_alt(token: Token, line: int) -> bool:
    """Tell whether a token is an image without alt text, be it Markdown's or a directive."""
    if token.type == "image":
        return not token.content.strip()
    name, argument = directive_of(token)
    if name not in {"image", "figure"}:
        return False
    try:
        parsed = parse_directive_text(Image, argument, token.content, line=line, validate_options=False)
    except MarkupError:
        return False  # the book's own build refuses it
    return not str(parsed.options.get("alt") or "").strip()


def _has_raw_reference(token: Token) -> bool:
    """Tell whether text or mathematics holds LaTeX's reference, which nothing here resolves."""
    name, _ = directive_of(token)
    shown_as_is = token.type in WITHOUT_MARKUP or (token.type in FENCES and name != "math")
    return not shown_as_is and not token.children and bool(RAW_REFERENCE.search(token.content))


def faults_in_prose(text: str) -> list[str]:
    """Return the faults of a MyST text, one line each, with its line number."""
    parser = create_md_parser(MdParserConfig(enable_extensions=EXTENSIONS), RendererHTML)
    faults = []
    for token, line, is_open in _tokens(parser, text):
        if is_open:
            faults.append(f"line {line}: the fence {token.markup}{token.info} is never closed")
        if _has_raw_reference(token):
            faults.append(f"line {line}: a LaTeX reference; write {{eq}}, {{numref}} or {{prf:ref}}")
        if _lacks_alt(token, line):
            faults.append(f"line {line}: an image without alt text")
    return faults


def faults_in_notebook(text: str) -> list[str]:
    """Return the faults of a notebook's source in md:myst that its prose does not show."""
    notebook = jupytext.reads(text, fmt="md:myst")
    faults = []
    if not notebook.metadata.get("kernelspec", {}).get("name"):
        faults.append("the header names no kernelspec")
    tagged = sum("parameters" in cell.metadata.get("tags", []) for cell in notebook.cells)
    if tagged != 1:
        faults.append(f"{tagged} cells are tagged 'parameters'; it must be one")
    for cell in notebook.cells:
        shown = cell.metadata.get("mystnb", {})
        if "figure" in shown and not shown.get("image", {}).get("alt"):
            label = shown["figure"].get("name", "without a name")
            faults.append(f"figure {label}: no alt text (mystnb: image: alt:)")
    return faults


def errors_in(notebook: NotebookNode) -> list[str]:
    """Return what went wrong in an executed notebook: errors, and cells that were not run to their end.

    Args:
        notebook: A notebook that papermill executed, whole or not.
    """
    run = notebook.metadata.get("papermill", {})
    errors = ["papermill reports an exception"] if run.get("exception") else []
    for number, cell in enumerate(notebook.cells, start=1):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                errors.append(f"cell {number}: {output.ename}: {output.evalue}")
        status = cell.metadata.get("papermill", {}).get("status", "completed")
        if status != "completed":
            errors.append(f"cell {number}: {status}")
    return errors


def check(root: Path) -> list[str]:
    """Return the faults of every source and executed notebook below the repository's root."""
    lines = []
    for path in sorted([*root.glob("book/*.md"), *root.glob("notebooks/*.md")]):
        text = path.read_text(encoding="utf-8")
        faults = faults_in_prose(text)
        if path.parent.name == "notebooks":
            faults += faults_in_notebook(text)
        lines += [f"{path.relative_to(root)}: {fault}" for fault in faults]
    for path in sorted(root.glob("notebooks/executed/*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        lines += [f"{path.relative_to(root)}: {error}" for error in errors_in(notebook)]
    return lines


HERE = Path(".")


def main(
    root: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="The repository.")] = HERE,
) -> None:
    """List what is wrong in the book's prose and notebooks."""
    lines = check(root)
    typer.echo("\n".join(lines) or "Nothing wrong in the sources.", err=bool(lines))
    raise typer.Exit(bool(lines))


if __name__ == "__main__":
    typer.run(main)

"""The ledger as HTML: a table that a small script can sort, and under it the code of every check."""

import inspect
from collections.abc import Callable, Iterable
from html import escape
from textwrap import dedent
from typing import Any

import pandas as pd
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from lintune.claims.claim import Claim
from lintune.plots.ledger import MARKS

Address = Callable[[str, str], str]
Row = dict[str, Any]


def table(rows: pd.DataFrame, address: Address) -> str:
    """Return the ledger as a table, a row per claim.

    Args:
        rows: What `ledger` returns.
        address: Returns where the section of a chapter is, for a link.
    """
    given: list[Row] = [{str(key): each for key, each in row.items()} for row in rows.to_dict("records")]
    shown = pd.DataFrame(
        {
            "Claim": [_claimed(row, address) for row in given],
            "Paper": [f"{escape(row['paper'])}<br><small>{escape(row['where'])}</small>" for row in given],
            "Paper's number": [escape(row["number"]) for row in given],
            "Ours": [_ours(row) for row in given],
            "Verdict": [_verdict(row) for row in given],
            "Run on": [f"<small>{escape(row['run_on'])}</small>" for row in given],
        }
    )
    html: str = shown.to_html(index=False, escape=False, border=0, classes="ledger sortable", justify="left")
    return html


def checks(claims: Iterable[Claim], rows: pd.DataFrame) -> str:
    """Return for each claim a folded block: the rule and the code of its check, the records it read."""
    read = dict(zip(rows.claim, rows.records, strict=True))
    return "\n".join(_folded(claim, read[claim.name]) for claim in claims)


def _claimed(row: Row, address: Address) -> str:
    links = [
        f'<a href="{escape(address(row["chapter"], row["section"]))}">chapter</a>',
        f'<a href="#check-{row["claim"]}">check</a>',
    ]
    statement = f'<span id="claim-{row["claim"]}">{escape(row["statement"])}</span>'
    return f"{statement} <small>{' · '.join(links)}</small>"


def _ours(row: Row) -> str:
    told = ", ".join(filter(None, [row["quantity"], row["spread"]]))
    return f"{escape(row['ours'])}<br><small>{escape(told)}</small>" if row["ours"] else ""


def _verdict(row: Row) -> str:
    colour, _ = MARKS[row["verdict"]]
    condition = f"<br><small>{escape(row['condition'])}</small>" if row["condition"] else ""
    return f'<span class="verdict" style="--verdict: {colour}">{escape(row["verdict"])}</span>{condition}'


def _folded(claim: Claim, read: list[str]) -> str:
    source = dedent(inspect.getsource(claim.check))
    code = highlight(source, PythonLexer(), HtmlFormatter(cssclass="highlight"))
    rule = escape(inspect.getdoc(claim.check) or "")
    told = f"{claim.paper.short}, {claim.where}; wording: {claim.known}."
    if read:
        told += f" Records read: {', '.join(read)}."
    row = f'<a href="#claim-{claim.name}">Row</a>'
    return (
        f'<details class="check" id="check-{claim.name}"><summary>{escape(claim.statement)}</summary>'
        f"<p>{rule}</p><p><small>{escape(told)} {row}</small></p>{code}</details>"
    )

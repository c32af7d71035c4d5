"""Whether runs give the same: two builds record by record, or a build's ledger against the committed one.

    python -m trials.repeat builds build/smoke elsewhere/build/smoke
    python -m trials.repeat ledger build/cpu/ledger/records/ledger.json results/ledger.cpu.json

On one machine with the same number of threads the same inputs give the same records, to the last bit of every
number; only what measures time and memory differs, and when it was done. Another number of threads sums in
another order: `--within` says what that may change of a number, and `--least` below what size a difference is
none, as of a number that is itself an error of rounding. Another machine is held to each claim's own spread.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pandas as pd
import typer

from lintune import records
from lintune.errors import InputError

# Parts of records that say when, how long and with how much memory; and where: revision, threads, machine.
MEASURED = frozenset({"run", "seconds", "when", "peak_bytes"})
PROVENANCE = frozenset({"machine", "revision", "run_on", "threads"})
IN_WORDS = frozenset({"ours"})  # a ledger's value with its interval, which stand beside it as numbers
_PASSED_OVER = MEASURED | PROVENANCE | IN_WORDS
SHARE = 0.05  # of a claim's number, or of its interval if that is the larger
ROUNDING = 1e-5  # a number may always move by so much: it may be an error of rounding itself

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, no_args_is_help=True)


@dataclass(frozen=True)
class Difference:
    """Where two records differ.

    Attributes:
        where: Keys and places that lead there, such as `data.rows.3.loss`.
        one: What the first has there.
        other: What the second has there.
    """

    where: str
    one: Any
    other: Any

    @property
    def relative(self) -> float:
        """Return the difference over the larger of two numbers; infinite for anything else."""
        if not (_is_number(self.one) and _is_number(self.other)):
            return math.inf
        return abs(self.one - self.other) / max(abs(self.one), abs(self.other))

    def beyond(self, within: float, least: float) -> bool:
        """Say whether it is more than a relative difference, and more than an absolute one."""
        return self.relative > within and (math.isinf(self.relative) or abs(self.one - self.other) > least)


def differences(one: Any, other: Any, where: str = "") -> Iterator[Difference]:
    """Yield where two records, or parts of them, differ, but for time, memory and where they come from."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        for key in sorted((one.keys() | other.keys()) - _PASSED_OVER):
            if key in one and key in other:
                yield from differences(one[key], other[key], f"{where}.{key}" if where else key)
            else:
                yield Difference(f"{where}.{key}", one.get(key, "nothing"), other.get(key, "nothing"))
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for place, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{where}.{place}")
    elif one != other:
        yield Difference(where, one, other)


def numbers(part: Any) -> int:
    """Return how many numbers of a record, or of a part of it, are compared."""
    if isinstance(part, Mapping):
        return sum(numbers(value) for key, value in part.items() if key not in _PASSED_OVER)
    if isinstance(part, list):
        return sum(map(numbers, part))
    return int(_is_number(part))


def compared(one: Path, other: Path, within: float = 0.0, least: float = 0.0) -> pd.DataFrame:
    """Compare the records of two builds.

    Args:
        one: Folder of a build, such as `build/smoke`.
        other: Folder of another.
        within: Largest relative difference of two numbers that counts as none.
        least: Largest absolute difference that counts as none.

    Returns:
        A row per record: `record`, `numbers` compared, `beyond` (how many places differ by more than both),
        `largest` relative difference of numbers that differ by more than `least`, and `first` of the places
        beyond.

    Raises:
        InputError: A folder has no records, or not those of the other.
    """
    found = [_records(folder) for folder in (one, other)]
    if alone := sorted(found[0].keys() ^ found[1].keys()):
        raise InputError(
            f"{one} and {other} do not hold the same records: {', '.join(alone)} is in one only."
        )
    return pd.DataFrame(
        [_row(name, (found[0][name], found[1][name]), within, least) for name in sorted(found[0])]
    )


def drifted(now: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Compare two ledgers claim by claim.

    A number may move by 5 % of itself or of its interval, whichever is larger; a verdict may not.

    Args:
        now: The rows of a ledger, NaN where there is no number.
        before: Those of the one that it is held against.

    Returns:
        A row per claim: `claim`, both verdicts, both numbers, the `tolerance` and whether it is `kept`.

    Raises:
        InputError: They do not judge the same claims.
    """
    if changed := set(now.claim) ^ set(before.claim):
        raise InputError(f"the ledgers do not judge the same claims: {', '.join(sorted(changed))}.")
    both = before.merge(now, on="claim", suffixes=("_before", "_now"))
    rows = both.apply(_held, axis=1, result_type="expand")
    return pd.concat([both[["claim"]], rows], axis=1)


def _held(row: Any) -> dict[str, Any]:
    before, now = row.value_before, row.value_now
    tolerance = _tolerance(before, row.low_before, row.high_before)
    moved = 0.0 if pd.isna(before) and pd.isna(now) else abs(now - before)  # NaN where one has no number
    return {
        "verdict_before": row.verdict_before,
        "verdict_now": row.verdict_now,
        "before": before,
        "now": now,
        "tolerance": tolerance,
        "kept": bool(row.verdict_before == row.verdict_now and moved <= tolerance),
    }


def _tolerance(value: float, low: float, high: float) -> float:
    if math.isnan(value):
        return 0.0
    interval = 0.0 if math.isnan(low) or math.isnan(high) else high - low
    return max(SHARE * abs(value), SHARE * interval, ROUNDING)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _judged(path: Path) -> pd.DataFrame:
    rows = pd.DataFrame(records.read(path)["data"]["rows"])
    return rows.astype(dict.fromkeys(("value", "low", "high"), float))  # NaN where there is no number


def _records(folder: Path) -> dict[str, Path]:
    found = {path.name: path for path in folder.glob("*/records/*.json")}
    if not found:
        raise InputError(f"{folder} holds no records: expected NAME/records/NAME.json, as in build/smoke.")
    return found


def _row(name: str, both: tuple[Path, Path], within: float, least: float) -> dict[str, Any]:
    left, right = map(records.read, both)
    found = list(differences(left, right))
    beyond = [each for each in found if each.beyond(within, least)]
    finite = [each.relative for each in found if math.isfinite(each.relative) and each.beyond(0, least)]
    return {
        "record": name,
        "numbers": numbers(left),
        "beyond": len(beyond),
        "largest": max(finite, default=0.0),
        "first": f"{beyond[0].where}: {beyond[0].one!r:.40} and {beyond[0].other!r:.40}" if beyond else "",
    }


@app.command()
def builds(
    one: Annotated[Path, typer.Argument(help="Folder of a build, such as build/smoke.")],
    other: Annotated[Path, typer.Argument(help="Folder of another of the same profile.")],
    within: Annotated[float, typer.Option(min=0, help="Relative difference of numbers that is none.")] = 0.0,
    least: Annotated[float, typer.Option(min=0, help="Absolute difference of numbers that is none.")] = 0.0,
) -> None:
    """Compare the records of two builds; exit with 1 where they differ by more."""
    _report(lambda: compared(one, other, within, least), lambda table: table.beyond > 0)


@app.command()
def ledger(
    now: Annotated[Path, typer.Argument(help="A ledger's record.")],
    before: Annotated[
        Path, typer.Argument(help="The one it is held against, such as results/ledger.cpu.json.")
    ],
) -> None:
    """Hold a ledger against another; exit with 1 where a claim has moved."""

    def table() -> pd.DataFrame:
        return drifted(*map(_judged, (now, before)))

    _report(table, lambda found: ~found.kept.astype(bool))


def _report(made: Any, bad: Any) -> None:
    try:
        table = made()
    except InputError as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(2) from error
    with pd.option_context("display.max_rows", None, "display.width", 200, "display.max_colwidth", 90):
        typer.echo(table.to_string(index=False))
    worse = int(bad(table).sum())
    typer.echo(f"{len(table)} compared, {worse} differ")
    if worse:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()

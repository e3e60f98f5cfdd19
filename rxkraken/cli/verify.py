"""`rxkraken verify`: prove a recording with the checksums that Kraken sent in it."""

from __future__ import annotations

import gzip
import json
import sys
import zlib
from pathlib import Path  # noqa: TC003 - typer reads the annotations of a command when it runs
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.table import Table

from rxkraken.cli.context import Options
from rxkraken.cli.examples import examples
from rxkraken.cli.exits import DONE, FAILED, USAGE, Ended
from rxkraken.cli.numbers import whole
from rxkraken.cli.terminal import console
from rxkraken.protocol.json import exact
from rxkraken.protocol.spot_v2 import Malformed
from rxkraken.tape.precisions import precisions_of, read_precisions
from rxkraken.tape.recording import read_lines, read_recording
from rxkraken.tape.verify import verify as prove

if TYPE_CHECKING:
    from collections.abc import Callable

    from rxkraken.tape.precisions import Precision
    from rxkraken.tape.report import BookTally, Report

_MOST_DIGITS: Final = 18
_PROBLEMS_SHOWN: Final = 10


@examples("rxkraken verify recording.ndjson", "rxkraken verify recording.ndjson.gz --json")
def verify(
    context: typer.Context,
    file: Annotated[str, typer.Argument(metavar="FILE", help="A recording, plain or gzip; - reads standard input.")],
    *,
    as_json: Annotated[bool, typer.Option("--json", help="Print the counts as one line of JSON.")] = False,
    instruments: Annotated[
        Path | None,
        typer.Option(help="Take the pairs' digits from this instrument snapshot (JSON, or a recording that has one)."),
    ] = None,
    price_precision: Annotated[
        int | None,
        typer.Option(metavar="N", help="Fraction digits of prices, for every v2 book.", **whole(0, _MOST_DIGITS)),
    ] = None,
    qty_precision: Annotated[
        int | None,
        typer.Option(metavar="N", help="Fraction digits of quantities, for every v2 book.", **whole(0, _MOST_DIGITS)),
    ] = None,
) -> None:
    """Replay a recording through the live pipeline and check every book.

    A line of the recording is a raw frame, or a JSON pair of its time and its text. Frames of WebSocket v2 and v1 are
    read, in one file too: each shows which it is. The digits of prices and quantities are those on the wire; in v2 an
    option or the recording itself may tell the pairs' own. Snapshots of v1 have no checksum, so updates alone count.

    Exit code 1 if any book message failed, 2 if the file cannot be read.
    """
    told = {} if instruments is None else _told(instruments)
    report = _prove(file, _digits(told, price_precision, qty_precision))
    if as_json or Options.of(context).json:
        print(json.dumps(report.to_dict()))
    else:
        _show(file, report)
    raise typer.Exit(DONE if report.proven else FAILED)


def _digits(told: dict[str, Precision], price: int | None, qty: int | None) -> Callable[[str], Precision]:
    """Prefer what the options say over what the instrument snapshot tells."""

    def of(symbol: str) -> Precision:
        known = told.get(symbol, (None, None))
        return known[0] if price is None else price, known[1] if qty is None else qty

    return of


def _prove(file: str, digits: Callable[[str], Precision]) -> Report:
    try:
        if file != "-":
            return prove(read_recording(file), digits)
        with open(sys.stdin.fileno(), "rb", closefd=False) as standard_input:
            return prove(read_lines(standard_input), digits)
    except OSError as error:
        raise Ended(USAGE, f"cannot read {file}: {_reason(error)}") from error


def _told(path: Path) -> dict[str, Precision]:
    """Read an instrument snapshot: a document of its own, or somewhere in a recording."""
    try:
        told = _told_by_document(path) or read_precisions(read_recording(path))
    except OSError as error:
        raise Ended(USAGE, f"cannot read --instruments {path}: {_reason(error)}") from error
    except Malformed as error:
        raise Ended(USAGE, f"--instruments {path} is no instrument snapshot: {error}") from error
    if not told:
        raise Ended(USAGE, f"--instruments {path} holds no instrument snapshot with pairs")
    return told


def _told_by_document(path: Path) -> dict[str, Precision]:
    content = path.read_bytes()
    try:
        text = gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content
        return precisions_of(exact(text))
    except Malformed:
        raise
    except (ValueError, RecursionError, EOFError, zlib.error):
        return {}  # several lines are no document: it may be a recording


def _reason(error: OSError) -> str:
    return error.strerror or str(error)


def _show(file: str, report: Report) -> None:
    out = console()
    if report.books:
        out.print(_table(report))
    else:
        out.print("no order book in this recording")
    for problem in report.problems[:_PROBLEMS_SHOWN]:
        out.print(f"line {problem.line}: {problem.text}", style="yellow", markup=False)
    if len(report.problems) > _PROBLEMS_SHOWN:
        out.print("...")
    counts = f"{report.frames:,} frames, {report.unknown:,} unknown, {report.errors:,} errors"
    style = "green" if report.proven else "bold red"
    out.print(f"{file}: {counts}; {_verdict(report)}", style=style, markup=False)


def _verdict(report: Report) -> str:
    if not report.proven:
        return "NOT every book message holds"
    if not any(tally.checkable for tally in report.books.values()):
        return "nothing to prove"
    if report.unjudged:
        return f"no book message failed, {report.unjudged:,} could not be judged"
    return "every book message holds"


def _table(report: Report) -> Table:
    table = Table("book", *("snapshots", "updates", "verified", "mismatched", "resyncs", "proven"), title=None)
    for column in table.columns[1:]:
        column.justify, column.no_wrap = "right", True
    for book, tally in report.books.items():
        counts = (tally.snapshots, tally.updates, tally.verified, tally.mismatched, tally.resyncs)
        table.add_row(book, *(f"{count:,}" for count in counts), _share(tally), style="" if _holds(tally) else "red")
    return table


def _holds(tally: BookTally) -> bool:
    return not tally.mismatched and not tally.resyncs


def _share(tally: BookTally) -> str:
    """Return the verified share of what has a checksum, in percent, rounded down: 100 % is said only of all."""
    return f"{1000 * tally.verified // tally.checkable / 10:.1f} %" if tally.checkable else "-"

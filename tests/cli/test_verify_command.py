"""`rxkraken verify` as people and scripts call it: exit codes, one line of JSON, one line of error."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rxkraken.cli import main

if TYPE_CHECKING:
    from pathlib import Path

BOOK = "spot-v2/ethusd-book25.ndjson"
FLOATS = "spot-v2/btcusd-book10-float-text.ndjson"
V1 = "spot-v1/xbtusd-book10.ndjson"


def run(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run one command line in this process: exit code, output, errors."""
    code = main([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return code, out, err


def test_a_proven_recording_is_exit_code_0(capsys: pytest.CaptureFixture[str], captures: Path) -> None:
    """The JSON is exactly the counts, on one line."""
    code, out, err = run(capsys, "verify", captures / BOOK, "--json")
    assert (code, err, out.count("\n")) == (0, "", 1)
    assert run(capsys, "--json", "verify", captures / BOOK) == (0, out, "")
    assert json.loads(out) == {
        "frames": 1170,
        "unknown": 0,
        "errors": 0,
        "books": {"ETH/USD": {"snapshots": 1, "updates": 1128, "verified": 1129, "mismatched": 0, "resyncs": 0}},
    }


def test_people_get_a_table_and_a_verdict(capsys: pytest.CaptureFixture[str], captures: Path) -> None:
    """Counts a symbol, 100.0 % only when it is all of them, and what it means in words."""
    code, out, err = run(capsys, "verify", captures / BOOK)
    assert (code, err) == (0, "")
    assert "100.0 %" in out
    assert "1,170 frames, 0 unknown, 0 errors; every book message holds" in out


def test_a_cut_recording_is_exit_code_1(capsys: pytest.CaptureFixture[str], captures: Path, tmp_path: Path) -> None:
    """The middle is missing: a mismatch, told with its line; and so in JSON. A gzip file does as well."""
    lines = (captures / BOOK).read_bytes().splitlines(keepends=True)
    cut = tmp_path / "cut.ndjson.gz"
    cut.write_bytes(gzip.compress(b"".join(lines[:400] + lines[440:])))
    code, out, _ = run(capsys, "verify", cut)
    assert code == 1
    assert "NOT every book message holds" in out
    assert "checksum of ETH/USD" in out
    assert "100.0 %" not in out

    code, out, _ = run(capsys, "verify", cut, "--json")
    book = json.loads(out)["books"]["ETH/USD"]
    assert (code, book["mismatched"], book["resyncs"]) == (1, 1, 1)
    assert book["verified"] < book["updates"]


def test_a_recording_of_v1_needs_no_option(capsys: pytest.CaptureFixture[str], captures: Path) -> None:
    """The same counts and verdict; options for the digits of v2 change nothing."""
    snapshot = captures / "reference" / "instrument-snapshot-v2.json"
    counts = {"snapshots": 1, "updates": 979, "verified": 979, "mismatched": 0, "resyncs": 0}
    for option in ([], ["--instruments", snapshot], ["--price-precision", 1]):
        code, out, err = run(capsys, "verify", captures / V1, "--json", *option)
        assert (code, err) == (0, "")
        assert json.loads(out) == {"frames": 1150, "unknown": 0, "errors": 0, "books": {"BTC/USD book-10": counts}}

    code, out, _ = run(capsys, "verify", captures / V1)
    assert code == 0
    assert "100.0 %" in out
    assert "1,150 frames, 0 unknown, 0 errors; every book message holds" in out


def test_a_changed_digit_of_v1_is_exit_code_1_with_its_line(
    capsys: pytest.CaptureFixture[str], captures: Path, tmp_path: Path
) -> None:
    """Line 5 is the first update: its checksum is told as it came and as it should be."""
    changed = tmp_path / "changed.ndjson"
    changed.write_text((captures / V1).read_text().replace('"c\\":\\"3572756970', '"c\\":\\"3572756971', 1))
    code, out, _ = run(capsys, "verify", changed)
    words = " ".join(out.split())
    assert code == 1
    assert "line 5: checksum of BTC/USD" in words
    assert "3572756970" in words
    assert "3572756971" in words
    assert "NOT every book message holds" in words
    assert "100.0 %" not in words


@pytest.mark.parametrize("feed", [(BOOK, 1128, "ETH/USD"), (V1, 979, "BTC/USD book-10")], ids=["v2", "v1"])
def test_what_could_not_be_judged_is_not_said_to_hold(
    capsys: pytest.CaptureFixture[str], captures: Path, tmp_path: Path, feed: tuple[str, int, str]
) -> None:
    """Without its snapshot nothing fails and nothing is proven, in either API."""
    name, updates, named = feed
    lines = (captures / name).read_text().splitlines(keepends=True)
    cut = tmp_path / "cut.ndjson"
    cut.write_text("".join(line for line in lines if "snapshot" not in line and '"as\\"' not in line))
    code, out, _ = run(capsys, "verify", cut)
    assert code == 0
    assert f"no book message failed, {updates:,} could not be judged" in out
    assert "0.0 %" in out
    code, out, _ = run(capsys, "verify", cut, "--json")
    counts = {"snapshots": 0, "updates": updates, "verified": 0, "mismatched": 0, "resyncs": 0}
    assert (code, json.loads(out)["books"]) == (0, {named: counts})


def test_digits_come_from_a_snapshot_or_from_options(
    capsys: pytest.CaptureFixture[str], captures: Path, tmp_path: Path
) -> None:
    """A file of instruments, plain or packed, a recording with one in it, or the numbers themselves; options win."""
    snapshot = captures / "reference" / "instrument-snapshot-v2.json"
    packed = tmp_path / "instruments.json.gz"
    packed.write_bytes(gzip.compress(snapshot.read_bytes()))
    line = tmp_path / "recording.ndjson"
    line.write_text('{"channel":"heartbeat"}\n' + json.dumps([1.5, json.dumps(json.loads(snapshot.read_text()))]))
    for option in (
        ["--instruments", snapshot],
        ["--instruments", packed],
        ["--instruments", line],
        ["--price-precision", 1, "--qty-precision", 8],
    ):
        code, out, _ = run(capsys, "verify", captures / FLOATS, "--json", *option)
        assert (code, json.loads(out)["books"]["BTC/USD"]["verified"]) == (0, 510), option
    code, _, _ = run(capsys, "verify", captures / FLOATS, "--instruments", snapshot, "--price-precision", 3)
    assert code == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["verify"], "Missing argument 'FILE'; see rxkraken verify --help"),
        (["verify", "--bogus", "x"], "No such option: --bogus"),
        (["verify", "x", "--price-precision", "-1"], "--price-precision"),
        (["verify", "{tmp}/missing"], "cannot read {tmp}/missing: No such file or directory"),
        (["verify", "{tmp}"], "cannot read {tmp}: Is a directory"),
        (["verify", "{tmp}/broken.gz"], "cannot read {tmp}/broken.gz: damaged gzip file"),
        (["verify", "{book}", "--instruments", "{tmp}/missing"], "cannot read --instruments {tmp}/missing"),
        (["verify", "{book}", "--instruments", "{book}"], "holds no instrument snapshot with pairs"),
        (["verify", "{book}", "--instruments", "{tmp}/odd.json"], "is no instrument snapshot: field "),
        (["nonsense"], "No such command 'nonsense'"),
    ],
)
def test_what_cannot_be_done_is_exit_code_2_and_one_line(
    capsys: pytest.CaptureFixture[str], captures: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    """Nothing on standard output, one line on standard error that names the value."""
    (tmp_path / "broken.gz").write_bytes(b"\x1f\x8b\x08 no gzip")
    (tmp_path / "odd.json").write_text('{"channel":"instrument","type":"snapshot","data":{"pairs":[{"symbol":"A/B"}]}}')
    places = {"tmp": tmp_path, "book": captures / BOOK}
    code, out, err = run(capsys, *(argument.format(**places) for argument in arguments))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("rxkraken: ")
    assert message.format(**places) in err


def test_a_recording_without_books_has_nothing_to_prove(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """An empty file is read and found empty; broken lines are counted and shown, ten at most."""
    empty = tmp_path / "empty"
    empty.write_bytes(b"")
    code, out, _ = run(capsys, "verify", empty)
    assert code == 0
    assert "no order book in this recording" in out
    assert "nothing to prove" in out

    empty.write_bytes(b"[bold]garbage\n" * 20)
    code, out, _ = run(capsys, "verify", empty)
    assert code == 0
    assert out.count("neither a recorded frame nor a raw one") == 10
    assert "20 errors" in out


def test_standard_input_and_closed_pipes_behave_as_in_a_shell(captures: Path) -> None:
    """`-` reads standard input; when the reader of the output has gone, the exit code is a closed pipe's, silently."""
    command = [sys.executable, "-m", "rxkraken.cli", "verify"]
    piped = subprocess.run(
        [*command, "-", "--json"], input=(captures / BOOK).read_bytes(), capture_output=True, check=False
    )
    assert (piped.returncode, piped.stderr) == (0, b"")
    assert json.loads(piped.stdout)["frames"] == 1170

    with subprocess.Popen([*command, str(captures / BOOK)], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as closed:
        assert closed.stdout is not None
        assert closed.stderr is not None
        closed.stdout.close()
        assert (closed.stderr.read(), closed.wait(30)) == (b"", 141)

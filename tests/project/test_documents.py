"""What the documents show is what happens: their blocks are run, against a simulator.

Every `python` block of README.md, CONTRIBUTING.md and docs/*.md runs from top to bottom in its own namespace, in an
empty directory, with `Endpoints.live()` giving a simulator's endpoints: a block says `rk.KrakenClient()`, as its reader
would, and `rk.Credentials.from_env()` gives the key of its demo account. Top-level `await`, `async with` and `async
for` work as in a notebook. A `console` block runs only where marked.

A comment on the line before the fence says what a block needs that a reader sees from the text:

    <!-- run: client -->             a fragment: `rk`, `rx`, `ops`, `asyncio`, `Decimal` and an open `client` with that
                                     key are there, and an error on `client.errors` fails the block
    <!-- run: for 2 seconds -->      it would run for ever: after that time it is cancelled (a command or blocking code:
                                     interrupted), and must end cleanly
    <!-- run -->                     runs the commands of a console block, from the root of the checkout
    <!-- not run: the reason -->     it is not run

`<!-- run: client, for 2 seconds -->` combines them.
"""

from __future__ import annotations

import _thread
import ast
import asyncio
import contextlib
import inspect
import re
import shlex
import signal
import subprocess
import sys
import textwrap
import threading
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import reactivex
from reactivex import operators

import rxkraken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

ROOT = Path(__file__).parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("**/*.md"))]
TIME_LIMIT = 30.0

FENCE = re.compile(
    r"^(?:<!-- (?P<directive>(?:not )?run\b.*?) -->\n)?```(?P<language>\w+)[^\n]*\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
DIRECTIVE = re.compile(r"run(?:: (?P<client>client)?(?:, )?(?:for (?P<seconds>\d+(?:\.\d+)?) seconds?)?)?")


@dataclass(frozen=True)
class Block:
    """One fenced block: where it is, what it says, and how it wants to be run."""

    path: Path
    line: int
    language: str
    text: str
    marked: bool = False
    reason: str | None = None
    client: bool = False
    seconds: float | None = None

    def __str__(self) -> str:
        """Where to find it."""
        return f"{self.path.name}:{self.line}"

    def commands(self) -> list[list[str]]:
        """The commands of a console block; other lines are what they print."""
        lines = [line.removeprefix("$ ") for line in self.text.splitlines()]
        return [shlex.split(line, comments=True) for line in lines if line.startswith("rxkraken ")]


def blocks(path: Path, text: str) -> list[Block]:
    """The fenced blocks of a document that have a language."""
    found: list[Block] = []
    for match in FENCE.finditer(text):
        line = text.count("\n", 0, match.start("text")) + 1
        block = Block(path, line, match["language"], match["text"])
        found.append(directed(block, match["directive"]))
    return found


def directed(block: Block, directive: str | None) -> Block:
    """The block with what the comment before it says."""
    if directive is None:
        return block
    if directive.startswith("not run: "):
        return Block(block.path, block.line, block.language, block.text, reason=directive.removeprefix("not run: "))
    parsed = DIRECTIVE.fullmatch(directive)
    if parsed is None:
        raise ValueError(f"{block}: cannot read the comment {directive!r}; see {Path(__file__).name}")
    seconds = float(parsed["seconds"]) if parsed["seconds"] else None
    client = bool(parsed["client"])
    return Block(block.path, block.line, block.language, block.text, marked=True, client=client, seconds=seconds)


def evaluate(block: Block, names: dict[str, Any]) -> Any:
    """Run a block that awaits nothing; of one that does, give the coroutine."""
    tree = compile(block.text, str(block.path), "exec", flags=ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    ast.increment_lineno(tree, block.line - 1)  # a traceback points into the document
    code = compile(tree, str(block.path), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
    return eval(code, {"__name__": "__main__"} | names)  # noqa: S307 - our own documents


async def limited(work: Awaitable[None], seconds: float | None) -> None:
    """Wait for some work to end; or, if it has a time to run for, end it then."""
    try:
        async with asyncio.timeout(seconds or TIME_LIMIT) as limit:
            await work
    except TimeoutError:
        if not (seconds and limit.expired()):
            raise


async def in_a_client(block: Block) -> None:
    """Run a fragment that uses `client`, and stay for as long as it says."""
    failures: list[object] = []
    async with rxkraken.KrakenClient(credentials=rxkraken.Credentials.from_env()) as client:
        client.errors.subscribe(failures.append)
        names = {"asyncio": asyncio, "Decimal": Decimal, "rx": reactivex, "ops": operators, "rk": rxkraken}
        started = asyncio.get_running_loop().time()
        outcome = evaluate(block, names | {"client": client})
        if inspect.iscoroutine(outcome):
            await limited(outcome, block.seconds)
        left = (block.seconds or 0) - (asyncio.get_running_loop().time() - started)
        await asyncio.sleep(max(0, left))
    assert not failures, failures


@contextlib.contextmanager
def ctrl_c_after(seconds: float | None) -> Iterator[None]:
    """Interrupt blocking code that would run for ever, as its reader would."""
    if seconds is None:
        yield
        return
    timer = threading.Timer(seconds, _thread.interrupt_main)
    timer.start()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            yield
    finally:
        timer.cancel()
        timer.join()


def run_python(block: Block) -> None:
    """Run a python block; whatever it raises is raised."""
    if block.client:
        asyncio.run(in_a_client(block))
        return
    outcome = None
    with ctrl_c_after(block.seconds):
        outcome = evaluate(block, {})
    if inspect.iscoroutine(outcome):
        asyncio.run(limited(outcome, block.seconds))


def run_command(command: list[str], seconds: float | None) -> None:
    """Run one `rxkraken` command; interrupt it if it would run for ever. It must end with success."""
    script = Path(sys.executable).with_name(command[0])
    process = subprocess.Popen(
        [script, *command[1:]], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    with process:
        try:
            output, _ = process.communicate(timeout=seconds or TIME_LIMIT)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGINT if seconds else signal.SIGKILL)
            output, _ = process.communicate(timeout=TIME_LIMIT)
    interrupted = {0, 130} if seconds else {0}
    assert process.returncode in interrupted, f"{shlex.join(command)} ended with {process.returncode}:\n{output}"


ALL_BLOCKS = [block for path in DOCUMENTS if path.exists() for block in blocks(path, path.read_text(encoding="utf-8"))]
PYTHON = [block for block in ALL_BLOCKS if block.language == "python" and block.reason is None]
CONSOLE = [block for block in ALL_BLOCKS if block.language in {"console", "bash"} and block.marked]


@pytest.fixture
def elsewhere(monkeypatch, tmp_path, practice_exchange, practice_key):
    """An empty directory to work in, a simulator where the live exchange would be, a key of it in the environment."""
    monkeypatch.chdir(tmp_path)
    for name, value in practice_key.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(rxkraken.Endpoints, "live", classmethod(lambda cls: practice_exchange))
    return tmp_path


@pytest.mark.parametrize("block", PYTHON, ids=str)
@pytest.mark.usefixtures("elsewhere")
def test_a_python_block_of_the_documents_runs(block):
    """A reader who copies it gets no error."""
    run_python(block)


@pytest.mark.parametrize("block", CONSOLE, ids=str)
def test_a_marked_console_block_of_the_documents_runs(block):
    """A reader who types it gets no error."""
    commands = block.commands()
    assert commands, f"{block} is marked to run and has no rxkraken command"
    for command in commands:
        run_command(command, block.seconds)


def read(text: str) -> list[Block]:
    """The blocks of some text, fences written as ~~~ here so that this file has none."""
    return blocks(Path("some.md"), textwrap.dedent(text).replace("~~~", "```"))


def test_blocks_are_found_with_their_lines_and_comments():
    """Only a comment directly before the fence belongs to it."""
    found = read("""\
        # Title
        ~~~python
        a = 1
        ~~~
        <!-- run: client, for 2.5 seconds -->
        ~~~python
        await client.ping()
        ~~~
        <!-- not run: needs an account -->
        ~~~python
        x
        ~~~
        <!-- run: for 1 second -->
        ~~~console
        $ rxkraken demo --plain  # watch
        bid 1
        ~~~
        ~~~
        no language
        ~~~
        """)
    path = Path("some.md")
    assert found == [
        Block(path, 3, "python", "a = 1\n"),
        Block(path, 7, "python", "await client.ping()\n", marked=True, client=True, seconds=2.5),
        Block(path, 11, "python", "x\n", reason="needs an account"),
        Block(path, 15, "console", "$ rxkraken demo --plain  # watch\nbid 1\n", marked=True, seconds=1.0),
    ]
    assert found[3].commands() == [["rxkraken", "demo", "--plain"]]


def test_a_comment_that_cannot_be_read_is_an_error():
    """A misspelt one must not silently change what is run."""
    with pytest.raises(ValueError, match="run: clients"):
        read("<!-- run: clients -->\n~~~python\nx\n~~~\n")


def test_a_block_may_await_at_its_top_and_one_that_does_not_runs_without_a_loop():
    """So `asyncio.run(main())` works in a block as well."""
    (awaits,) = read("~~~python\nimport asyncio\nawait asyncio.sleep(0)\nassert asyncio.get_running_loop()\n~~~\n")
    (own_loop,) = read("~~~python\nimport asyncio\nasync def main(): assert 1\nasyncio.run(main())\n~~~\n")
    run_python(awaits)
    run_python(own_loop)


def test_an_endless_block_is_ended_and_a_failing_one_fails_on_its_own_line():
    """The traceback points into the document."""
    (endless,) = read("<!-- run: for 0.01 seconds -->\n~~~python\nimport asyncio\nawait asyncio.Event().wait()\n~~~\n")
    run_python(endless)
    (blocking,) = read("<!-- run: for 0.01 seconds -->\n~~~python\nimport time\nwhile True: time.sleep(1)\n~~~\n")
    run_python(blocking)
    (failing,) = read("\n\n~~~python\nawait_ = 1\nraise LookupError(await_)\n~~~\n")
    with pytest.raises(LookupError) as caught:
        run_python(failing)
    assert caught.traceback[-1].lineno + 1 == 5

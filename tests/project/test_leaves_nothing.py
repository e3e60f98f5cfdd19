"""The watch over the tests is itself awake: it fails what leaves something behind, and nothing else."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

STORIES = """
import asyncio
import threading

import pytest

waiting = threading.Event()


async def test_task_left():
    test_task_left.task = asyncio.create_task(asyncio.sleep(60))


async def test_task_cancelled_just_now():
    task = asyncio.create_task(asyncio.sleep(60))
    await asyncio.sleep(0)
    task.cancel()


async def test_task_awaited():
    await asyncio.create_task(asyncio.sleep(0))


async def test_executor_used():
    assert await asyncio.to_thread(lambda: 1) == 1


@pytest.fixture
async def server():
    task = asyncio.create_task(asyncio.sleep(60))
    yield
    task.cancel()


async def test_fixture_cleans_up(server):
    pass


def test_thread_left():
    threading.Thread(target=waiting.wait, daemon=True).start()


def test_thread_joined():
    thread = threading.Thread(target=int)
    thread.start()
    thread.join()


@pytest.mark.leaves("someone else's code")
async def test_excused():
    test_excused.task = asyncio.create_task(asyncio.sleep(60))
"""


def test_the_watch_fails_leftovers_and_nothing_else(root, tmp_path):
    """Of nine stories, the two that leave a task or a thread fail, in their teardown."""
    shutil.copy(root / "tests" / "conftest.py", tmp_path)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\nmarkers = leaves(reason)\n")
    (tmp_path / "test_stories.py").write_text(STORIES)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rA", "--tb=line"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False)
    outcomes = re.findall(r"^(PASSED|FAILED|ERROR) test_stories\.py::(\w+)", done.stdout, re.MULTILINE)
    assert {name for outcome, name in outcomes if outcome == "PASSED"} == set(re.findall(r"def (test_\w+)", STORIES))
    assert {name for outcome, name in outcomes if outcome != "PASSED"} == {"test_task_left", "test_thread_left"}
    assert "left tasks pending" in done.stdout
    assert "left threads running" in done.stdout

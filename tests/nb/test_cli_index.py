"""`rapyer-nb index`: what it prints and does, and what it says when it cannot."""

import os
import pty
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rapyer_nb.server import EmbeddedServer
from tests.nb.server_processes import connect

COMMAND = [sys.executable, "-m", "rapyer_nb", "index"]

MODELS = """
from typing import Annotated
from rapyer import AtomicRedisModel
from rapyer.fields import Index

class CommandUser(AtomicRedisModel):
    name: Annotated[str, Index()] = ""
    age: {age} = 0

class CommandOrder(AtomicRedisModel):
    total: Annotated[float, Index()] = 0
"""


@pytest.fixture
def url(rapyer_redis: EmbeddedServer) -> Iterator[str]:
    with connect(rapyer_redis.url) as redis:
        redis.flushall()
        for number in range(5):
            redis.json().set(f"CommandUser:{number}", "$", {"name": "n", "age": number})
    yield rapyer_redis.url


def _write(folder: Path, *, indexed: bool) -> None:
    age = "Annotated[int, Index()]" if indexed else "int"
    (folder / "shop.py").write_text(MODELS.format(age=age), encoding="utf-8")


def _run(folder: Path, *words: str, url: str = "") -> "subprocess.CompletedProcess[str]":
    command = [*COMMAND, *words, *(["--redis", url] if url else [])]
    return subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env=_environment(),
        stdin=subprocess.DEVNULL,
    )


def _environment() -> dict[str, str]:
    without = {name: value for name, value in os.environ.items() if not name.endswith("REDIS_URL")}
    return without | {"PYTHONDONTWRITEBYTECODE": "1"}


def _indexes(url: str) -> list[str]:
    with connect(url) as redis:
        return sorted(redis.execute_command("FT._LIST"))


def test_plan_apply_and_drop(tmp_path: Path, url: str) -> None:
    _write(tmp_path, indexed=False)
    planned = _run(tmp_path, "plan", "shop", url=url)
    assert planned.stderr == ""
    assert planned.stdout.startswith("2 of 2 indexes to be changed\nCommandUser: idx:CommandUser is missing")
    assert planned.returncode == 0
    assert _run(tmp_path, "plan", "--check", "shop", url=url).returncode == 1
    assert _indexes(url) == []
    applied = _run(tmp_path, "apply", "shop", url=url)
    assert [line.split()[0] for line in applied.stdout.splitlines()] == ["create", "fill"] * 2
    assert _indexes(url) == ["idx:CommandOrder", "idx:CommandUser"]
    checked = _run(tmp_path, "plan", "--check", "shop", url=url)
    assert (checked.returncode, checked.stdout.splitlines()[0]) == (0, "nothing to be changed")
    assert _run(tmp_path, "apply", "shop", url=url).stdout == "nothing to be changed\n"


def test_a_changed_model(tmp_path: Path, url: str) -> None:
    _write(tmp_path, indexed=False)
    _run(tmp_path, "apply", "shop", url=url)
    _write(tmp_path, indexed=True)
    plan = _run(tmp_path, "plan", "shop.py", "--model", "CommandUser", url=url).stdout
    assert "CommandUser: idx:CommandUser is changed, 5 documents\n    + age: NUMERIC\n" in plan
    assert "CommandOrder" not in plan
    kept = _run(tmp_path, "apply", "--keep-old", "shop", url=url).stdout
    assert [line.split()[0] for line in kept.splitlines()] == ["create", "fill"]
    assert len(_indexes(url)) == 3
    switched = _run(tmp_path, "apply", "shop", url=url).stdout
    assert [line.split()[0] for line in switched.splitlines()] == ["switch"]
    assert len(_indexes(url)) == 2
    with connect(url) as redis:
        assert redis.execute_command("FT.SEARCH", "idx:CommandUser", "@age:[3 4]", "NOCONTENT")[0] == 2


def test_what_no_model_declares_is_dropped(tmp_path: Path, url: str) -> None:
    _write(tmp_path, indexed=False)
    _run(tmp_path, "apply", "shop", url=url)
    _write(tmp_path, indexed=True)
    _run(tmp_path, "apply", "--keep-old", "shop", url=url)
    _write(tmp_path, indexed=False)
    asked = _run(tmp_path, "drop", "shop", url=url)
    assert (asked.returncode, asked.stdout) == (2, "")
    listed, refused = asked.stderr.splitlines()
    assert listed.startswith("rapyer-nb: drop    idx:CommandUser:v")
    assert refused == "rapyer-nb: error: nobody can be asked whether to drop this; give --yes"
    assert len(_indexes(url)) == 3
    dropped = _run(tmp_path, "drop", "--yes", "shop", url=url).stdout
    assert dropped.startswith("drop    idx:CommandUser:v")
    assert dropped.endswith(":built  as CommandUser declares other fields\n")
    assert _indexes(url) == ["idx:CommandOrder", "idx:CommandUser"]
    assert _run(tmp_path, "drop", "shop", url=url).stdout == "nothing to be dropped\n"
    every = _run(tmp_path, "drop", "--all", "--yes", "--model", "CommandOrder", "shop", url=url).stdout
    assert every == "drop    idx:CommandOrder  of CommandOrder; its documents stay\n"
    assert _indexes(url) == ["idx:CommandUser"]
    with connect(url) as redis:
        assert len(redis.keys("CommandUser:*")) == 5


def test_the_server_of_the_project_is_used_where_none_is_named(tmp_path: Path) -> None:
    (tmp_path / ".rapyer").mkdir()
    _write(tmp_path, indexed=True)
    planned = _run(tmp_path, "plan", "shop")
    assert planned.stderr == ""
    assert planned.stdout.startswith("2 of 2 indexes to be changed\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nothing_here"], "cannot import nothing_here: ModuleNotFoundError: No module named 'nothing_here'"),
        (["shop", "--model", "User"], "there is no model User; there are CommandUser, CommandOrder"),
        (["empty"], "no model is defined in empty"),
        (["ending"], "cannot import ending: SystemExit: 3"),
    ],
)
def test_what_does_not_exist_is_named(tmp_path: Path, url: str, words: list[str], said: str) -> None:
    _write(tmp_path, indexed=True)
    (tmp_path / "empty.py").write_text("")
    (tmp_path / "ending.py").write_text("raise SystemExit(3)")
    failed = _run(tmp_path, "plan", *words, url=url)
    assert (failed.returncode, failed.stderr) == (2, f"rapyer-nb: error: {said}\n")


def test_a_file_may_lie_anywhere(tmp_path: Path, url: str) -> None:
    package, elsewhere = tmp_path / "code" / "store" / "inner", tmp_path / "elsewhere"
    for folder in (package, elsewhere):
        folder.mkdir(parents=True)
    for folder in (package, package.parent):
        (folder / "__init__.py").write_text("")
    _write(package, indexed=True)
    (package / "more.py").write_text("from .shop import CommandUser\n")
    for given in ("../code/store/inner/more.py", str(package / "more.py")):
        planned = _run(elsewhere, "plan", given, url=url)
        assert planned.stdout.startswith("2 of 2 indexes to be changed\nCommandUser: "), planned.stderr


def test_dropping_asks(tmp_path: Path, url: str) -> None:
    _write(tmp_path, indexed=True)
    _run(tmp_path, "apply", "shop", url=url)
    for typed, code, left in (("n", 2, 2), ("y", 0, 1)):
        command = [*COMMAND, "drop", "--all", "--model", "CommandUser", "shop", "--url", url]
        terminal, own = pty.openpty()
        os.write(terminal, f"{typed}\n".encode())
        asked = subprocess.run(
            command, cwd=tmp_path, stdin=own, capture_output=True, text=True, timeout=60, env=_environment()
        )
        os.close(own)
        os.close(terminal)
        assert (asked.returncode, len(_indexes(url))) == (code, left)
        assert "of CommandUser; its documents stay\ndrop this? [y/N] " in asked.stderr
        assert ("rapyer-nb: error: nothing is dropped\n" in asked.stderr) == (typed == "n")


def test_a_server_that_does_not_answer_is_named(tmp_path: Path) -> None:
    _write(tmp_path, indexed=True)
    failed = _run(tmp_path, "plan", "shop", url="unix:///nowhere/redis.sock")
    assert failed.returncode == 2
    assert failed.stderr.startswith("rapyer-nb: error: ")
    assert len(failed.stderr.splitlines()) == 1

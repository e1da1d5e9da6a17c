"""The pytest fixtures, as somebody who has installed the package finds them."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

from rapyer_nb.server import EmbeddedServer
from tests.nb.server_processes import connect, eventually, runs

USER_TEST = """
from pathlib import Path
from redis import Redis

def test_first(rapyer_redis, rapyer_redis_url):
    assert rapyer_redis.url == rapyer_redis_url
    with Redis.from_url(rapyer_redis_url, protocol=2) as redis:
        assert redis.json().set("a", "$", 1)

def test_second(rapyer_redis, tmp_path_factory):
    with Redis.from_url(rapyer_redis.url, protocol=2) as redis:
        assert redis.json().get("a") == 1  # the same server
    Path("pid").write_text(str(rapyer_redis.pid))
"""


def session(folder: Path, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-W",
            "error",
            "-p",
            "no:cacheprovider",
            "-p",
            "no:asyncio",
            *words,
        ],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_a_test_session_has_a_server_that_ends_with_it(project: Path) -> None:
    (project / "test_user.py").write_text(USER_TEST)
    done = session(project)
    assert done.returncode == 0, done.stdout
    pid = int((project / "pid").read_text())
    assert eventually(lambda: not runs(pid))


def test_sessions_have_servers_of_their_own(rapyer_redis: EmbeddedServer, project: Path) -> None:
    # As the workers of pytest-xdist are.
    (project / "test_user.py").write_text(USER_TEST)
    assert session(project).returncode == 0
    assert int((project / "pid").read_text()) != rapyer_redis.pid


def test_without_a_server_the_tests_fail_with_the_reason(project: Path) -> None:
    (project / "test_user.py").write_text(USER_TEST)
    (project / "conftest.py").write_text(
        "from rapyer_nb.server import candidates\ncandidates._package = lambda name: None\n"
    )
    done = session(project, PATH=str(project))
    assert done.returncode == 1
    assert "EmbeddedServerError: no embedded Redis with JSON and Search could be started." in done.stdout
    assert "skipped" not in done.stdout


def test_no_server_is_started_for_tests_that_want_none(project: Path, runtime: Path) -> None:
    (project / "test_user.py").write_text("def test_nothing(): pass\n")
    assert session(project).returncode == 0
    assert list(runtime.iterdir()) == []


def test_the_plugin_is_light() -> None:
    # It is imported in every test session of everybody who has the package installed.
    script = (
        "import sys, pytest, rapyer_nb.pytest_plugin\n"
        "print(*sorted({'IPython', 'ipywidgets', 'redis', 'pydantic', 'tqdm', 'rapyer'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert (done.stdout.strip(), done.returncode) == ("", 0)


def test_the_session_server_serves(rapyer_redis_url: str) -> None:
    name = f"idx:plugin-{uuid.uuid4().hex}"  # other tests of the session have indexes there, too
    with connect(rapyer_redis_url) as redis:
        assert redis.ping()
        assert name not in redis.execute_command("FT._LIST")
        redis.execute_command(
            "FT.CREATE", name, "ON", "JSON", "PREFIX", 1, f"{name}:", "SCHEMA", "$.a", "TAG"
        )
        try:
            assert name in redis.execute_command("FT._LIST")
        finally:
            redis.execute_command("FT.DROPINDEX", name)
        assert name not in redis.execute_command("FT._LIST")

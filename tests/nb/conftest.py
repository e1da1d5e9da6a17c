"""Fixtures for the tests of the notebook toolkit: a place of its own for embedded servers."""

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis

from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer_nb.server import EmbeddedServer, start_embedded
from rapyer_nb.widgets import close_all
from tests.nb.notebook import Notebook, empty, open_notebook
from tests.nb.server_processes import eventually, servers_below


@pytest.fixture
async def source(rapyer_redis_url: str) -> AsyncIterator[ClientSource]:
    """Bind every model to an empty server, and close the forms at the end."""
    source = ClientSource.from_url(rapyer_redis_url)
    registry.bind(source)
    await source.client().flushall()
    yield source
    close_all()
    await asyncio.sleep(0)
    await source.aclose()


@pytest.fixture
def notebook(rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Notebook]:
    """A notebook with the extension and some models, on an empty server."""
    with open_notebook(rapyer_redis_url, monkeypatch) as opened:
        yield opened


@pytest.fixture
def server(rapyer_redis_url: str) -> Iterator[redis.Redis]:
    """A plain client of the same server, to look at what is stored."""
    with redis.Redis.from_url(rapyer_redis_url, decode_responses=True) as client:
        yield client


@pytest.fixture(scope="session")
def second_server() -> Iterator[EmbeddedServer]:
    """A server beside that of the session, with a password."""
    with start_embedded(shared=False, port=0) as server:
        yield server


@pytest.fixture
def second(second_server: EmbeddedServer) -> EmbeddedServer:
    """The second server, empty."""
    empty(second_server.url)
    return second_server


@pytest.fixture
def runtime(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the test a runtime directory of its own, and see to it that nothing is left there at the end."""
    with tempfile.TemporaryDirectory(prefix="rt-", dir="/tmp") as folder:
        path = Path(folder)
        monkeypatch.setenv("XDG_RUNTIME_DIR", folder)
        for name in ("RAPYER_REDIS_SERVER", "RAPYER_REDIS_URL", "REDIS_URL"):
            monkeypatch.delenv(name, raising=False)
        yield path
        assert eventually(lambda: not servers_below(path)), "a redis-server was left behind"
        assert eventually(lambda: not leftovers(path)), f"files were left behind: {leftovers(path)}"


def leftovers(runtime: Path) -> list[str]:
    """Return what is in a runtime directory, apart from the private base directory itself."""
    # os.walk takes it well that a directory disappears meanwhile.
    found = [
        os.path.join(folder, name) for folder, inner, files in os.walk(runtime) for name in inner + files
    ]
    return [path for path in found if not os.path.basename(path).startswith("rapyer-")]


@pytest.fixture
def project(tmp_path: Path, runtime: Path) -> Path:
    """Return the directory of a project."""
    folder = tmp_path / "project"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    return folder

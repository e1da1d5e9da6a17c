"""The embedded server as its users see it: what it serves, how it is set, who shares it, what is kept."""

import os
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis

from rapyer_nb.server import EmbeddedServer, EmbeddedServerError, project_root, start_embedded
from tests.nb.server_processes import connect, eventually, keeper_of, runs, user


@pytest.fixture
def server(project: Path) -> Iterator[EmbeddedServer]:
    with start_embedded(project) as started:
        yield started


@pytest.fixture
def redis(server: EmbeddedServer) -> Iterator[Redis]:
    with connect(server.url) as client:
        yield client


def setting(redis: Redis, name: str) -> str:
    return redis.config_get(name)[name]


def test_json_and_search_are_served(redis: Redis) -> None:
    redis.execute_command("FT.CREATE", "people", "ON", "JSON", "SCHEMA", "$.age", "AS", "age", "NUMERIC")
    redis.json().set("ada", "$", {"name": "Ada", "age": 36})
    assert eventually(lambda: redis.execute_command("FT.SEARCH", "people", "@age:[30 40]")[0] == 1)


def test_version_and_executable_are_those_of_the_running_server(server: EmbeddedServer, redis: Redis) -> None:
    info = redis.info("server")
    assert server.version == info["redis_version"]
    assert server.executable.samefile(info["executable"])
    assert server.pid == info["process_id"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("maxmemory-policy", "noeviction"),
        ("maxmemory", "0"),
        ("save", ""),
        ("appendonly", "no"),
        ("port", "0"),
        ("unixsocketperm", "700"),
        ("enable-debug-command", "no"),
        ("enable-module-command", "no"),
    ],
)
def test_settings_in_force(redis: Redis, name: str, value: str) -> None:
    assert setting(redis, name) == value


def test_keyspace_events_of_models_are_on(redis: Redis) -> None:
    assert set(setting(redis, "notify-keyspace-events")) == set("Kdgx")


def test_a_server_that_keeps_data_has_an_append_only_file_only(project: Path) -> None:
    with start_embedded(project, persistent=True) as server, connect(server.url) as redis:
        assert setting(redis, "appendonly") == "yes"
        assert setting(redis, "save") == ""
        assert setting(redis, "maxmemory-policy") == "noeviction"
        assert setting(redis, "dir") == str(project / ".rapyer" / "data") == str(server.data)


def test_only_the_owner_can_enter_the_directory_of_the_socket(server: EmbeddedServer) -> None:
    base = server.socket.parent.parent
    for folder in (server.socket.parent, base):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert folder.stat().st_uid == os.getuid()
    assert stat.S_IMODE(server.socket.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user to try")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_another_user_of_the_machine_does_not_get_in(project: Path, server: EmbeddedServer) -> None:
    with start_embedded(project, persistent=True) as kept:
        places = [server.socket, server.socket.with_name("control.sock"), kept.socket, kept.data]
        stranger = os.fork()
        if stranger == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os._exit(sum(reachable(place) for place in places if place))
        assert os.waitstatus_to_exitcode(os.waitpid(stranger, 0)[1]) == 0
        assert all(reachable(place) for place in places if place)


def reachable(place: Path) -> bool:
    try:
        if place.is_dir():
            return bool(os.listdir(place))
        with socket.socket(socket.AF_UNIX) as probe:
            probe.connect(str(place))
    except OSError:
        return False
    return True


def test_kept_data_is_readable_by_its_owner_only_and_stays_out_of_git(project: Path) -> None:
    with start_embedded(project, persistent=True):
        home = project / ".rapyer"
        assert stat.S_IMODE(home.stat().st_mode) == 0o700
        assert (home / ".gitignore").read_text() == "*\n"


def test_a_process_that_asks_twice_has_one_server_until_it_has_closed_both(project: Path) -> None:
    first = start_embedded(project)
    second = start_embedded(project)
    assert (first.pid, first.url) == (second.pid, second.url)
    first.close()
    first.close()
    assert second.alive
    assert runs(second.pid)
    second.close()
    assert not second.alive
    assert eventually(lambda: not runs(first.pid))


def test_two_processes_of_a_project_share_a_server_that_survives_the_first(project: Path) -> None:
    with user(project) as first, user(project) as second:
        assert first.pid == second.pid
        first.kill()
        with connect(second.url) as redis:
            redis.set("still", "there")
        assert second.does("server.alive") is True
    assert eventually(lambda: not runs(first.pid))


def test_notebooks_in_different_directories_of_a_project_share_its_server(project: Path) -> None:
    for name in ("notebooks", "examples/deep"):
        (project / name).mkdir(parents=True)
    with user(project / "notebooks") as first, user(project / "examples" / "deep") as second:
        assert first.pid == second.pid


def test_two_projects_have_two_servers(project: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    with start_embedded(project) as first, start_embedded(other) as second:
        assert first.pid != second.pid


def test_a_private_server_is_not_shared(project: Path) -> None:
    with start_embedded(shared=False) as first, start_embedded(shared=False) as second:
        assert first.pid != second.pid
        assert first.data is None


def test_kept_data_and_its_index_are_there_after_a_restart(project: Path) -> None:
    with start_embedded(project, persistent=True) as server, connect(server.url) as redis:
        redis.execute_command("FT.CREATE", "people", "ON", "JSON", "SCHEMA", "$.age", "AS", "age", "NUMERIC")
        redis.json().set("ada", "$", {"age": 36})
    assert eventually(lambda: not runs(server.pid))
    with start_embedded(project, persistent=True) as again, connect(again.url) as redis:
        assert again.pid != server.pid
        assert redis.json().get("ada") == {"age": 36}
        assert eventually(lambda: redis.execute_command("FT.SEARCH", "people", "@age:[30 40]")[0] == 1)
        assert redis.keys("rapyer:*") == []


def test_kept_data_is_there_after_everything_was_killed(project: Path) -> None:
    with user(project, "dict(persistent=True)") as killed:
        with connect(killed.url) as redis:
            redis.set("a", "1")
        keeper_of(killed.pid).kill()
        killed.kill()
    with start_embedded(project, persistent=True) as server, connect(server.url) as redis:
        assert redis.get("a") == "1"


def test_data_is_gone_with_a_server_that_keeps_none(project: Path) -> None:
    with start_embedded(project) as server, connect(server.url) as redis:
        redis.set("a", "1")
    assert eventually(lambda: not runs(server.pid))
    with start_embedded(project) as again, connect(again.url) as redis:
        assert redis.get("a") is None
    assert not (project / ".rapyer").exists()


def test_a_notebook_joins_the_server_that_keeps_data(project: Path) -> None:
    with user(project, "dict(persistent=True)") as lab, start_embedded(project) as server:
        assert server.pid == lab.pid
        assert server.data == project / ".rapyer" / "data"


def test_a_notebook_in_another_session_joins_the_server_that_keeps_data(
    project: Path, tmp_path: Path
) -> None:
    # Such as a shell over ssh, which has no XDG_RUNTIME_DIR.
    with user(project, "dict(persistent=True)") as lab:
        with user(project, XDG_RUNTIME_DIR=str(tmp_path)) as notebook:
            assert notebook.pid == lab.pid
        with user(project, "dict(persistent=True)", XDG_RUNTIME_DIR=str(tmp_path)) as second_lab:
            assert second_lab.pid == lab.pid


def test_data_is_never_kept_by_a_server_that_was_started_to_keep_none(project: Path) -> None:
    with user(project) as notebook, start_embedded(project, persistent=True) as server:
        assert server.pid != notebook.pid


def test_a_path_with_every_kind_of_character_works(tmp_path: Path, runtime: Path) -> None:
    folder = tmp_path / "my \"project\" # ü 'x' \\n %20"
    folder.mkdir()
    with start_embedded(folder, persistent=True) as server, connect(server.url) as redis:
        redis.set("a", "1")
        assert redis.config_get("dir")["dir"] == str(folder / ".rapyer" / "data")


def test_a_long_runtime_directory_is_passed_over(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(long))
    with start_embedded(shared=False) as server, connect(server.url) as redis:
        assert redis.ping()
        assert len(str(server.socket)) <= 103


def test_a_runtime_directory_that_others_have_made_is_refused(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A link to a directory of somebody else must not be followed.
    trap = tmp_path / "trap"
    trap.mkdir()
    (trap / f"rapyer-{os.getuid()}").symlink_to(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(trap))
    with start_embedded(shared=False) as server:
        assert trap not in server.socket.parents


def test_a_url_with_a_port_has_a_password_that_nothing_else_shows(project: Path) -> None:
    with start_embedded(project, port=0) as server:
        with connect(server.url) as redis:
            assert redis.ping()
            password = setting(redis, "requirepass")
        assert len(password) >= 32
        assert server.url == f"redis://:{password}@127.0.0.1:{server.port}/0"
        assert server.describe() == f"redis://:***@127.0.0.1:{server.port}/0"
        assert password not in repr(server)
        for pid in (server.pid, keeper_of(server.pid).pid):
            process = psutil.Process(pid)
            assert password not in " ".join(process.cmdline())
            assert password not in str(process.environ())
        for path in server.socket.parent.rglob("*"):
            assert not path.is_file() or password not in path.read_text()


def test_without_the_password_the_port_is_closed_to_everybody(project: Path) -> None:
    with (
        start_embedded(project, port=0) as server,
        socket.create_connection(("127.0.0.1", server.port or 0)) as stranger,
    ):
        stranger.sendall(b"PING\r\n")
        assert stranger.recv(100).startswith(b"-NOAUTH")


def test_a_port_listens_on_loopback_only(project: Path) -> None:
    with start_embedded(project, port=0) as server:
        listening = [item.laddr for item in psutil.Process(server.pid).net_connections("inet")]
    assert [(address.ip, address.port) for address in listening] == [("127.0.0.1", server.port)]


def test_a_port_in_use_is_named(project: Path) -> None:
    with (
        start_embedded(shared=False, port=0) as server,
        pytest.raises(
            EmbeddedServerError, match=rf"port {server.port} of 127.0.0.1 cannot be opened .*another one"
        ),
    ):
        start_embedded(shared=False, port=server.port)


def test_a_port_is_refused_when_the_server_already_runs_without(project: Path) -> None:
    with (
        start_embedded(project) as server,
        pytest.raises(EmbeddedServerError, match="already runs without a port; end it first"),
    ):
        start_embedded(project, port=0)
    assert not server.alive


def test_a_server_of_ones_own_cannot_keep_data() -> None:
    with pytest.raises(ValueError, match="leave shared=True"):
        start_embedded(persistent=True, shared=False)


def test_data_cannot_be_kept_where_a_file_is_in_the_way(project: Path) -> None:
    (project / ".rapyer").touch()
    with pytest.raises(EmbeddedServerError, match=r"no data can be kept: .*\.rapyer .*--ephemeral"):
        start_embedded(project, persistent=True)


def test_repr_says_what_it_is(server: EmbeddedServer) -> None:
    assert repr(server) == f"<EmbeddedServer Redis {server.version} at unix://{server.socket}>"


def test_the_project_is_the_nearest_directory_with_a_project_file(tmp_path: Path) -> None:
    inner = tmp_path / "repo" / "package" / "notebooks"
    inner.mkdir(parents=True)
    assert project_root(inner) == inner
    (tmp_path / "repo" / ".git").mkdir()
    assert project_root(inner) == tmp_path / "repo"
    (tmp_path / "repo" / "package" / "pyproject.toml").touch()
    assert project_root(inner) == tmp_path / "repo" / "package"


def test_a_project_file_in_the_home_directory_does_not_make_everything_one_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".git").mkdir()
    (tmp_path / "notes").mkdir()
    assert project_root(tmp_path / "notes") == tmp_path / "notes"
    assert project_root(tmp_path) == tmp_path

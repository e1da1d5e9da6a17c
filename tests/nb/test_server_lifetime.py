"""The embedded server ends with its users, however they end, and leaves nothing behind."""

import ast
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rapyer_nb.server import EmbeddedServer, EmbeddedServerError, contact, embedded, keeper, start_embedded
from rapyer_nb.server.contact import join, spawn
from rapyer_nb.server.keeper import sweep as sweeping
from rapyer_nb.server.keeper.locks import FileLock
from rapyer_nb.server.keeper.messages import Request
from tests.nb.queued_cells import kernel
from tests.nb.server_processes import connect, eventually, keeper_of, runs, servers_below, user


def test_a_killed_process_leaves_no_server_behind(project: Path) -> None:
    with user(project) as killed:
        keeper = keeper_of(killed.pid)
        killed.kill()
        assert eventually(lambda: not runs(killed.pid))
        assert eventually(lambda: not keeper.is_running())


def test_a_process_that_ends_leaves_no_server_behind(project: Path) -> None:
    with user(project) as ending:
        ending.end()
        assert eventually(lambda: not runs(ending.pid))


@pytest.mark.parametrize("arguments", ["", "shared=False", "persistent=True"])
def test_a_killed_kernel_leaves_no_server_behind(project: Path, arguments: str) -> None:
    with kernel(cwd=str(project), env=dict(os.environ)) as (manager, client):
        assert manager.provisioner is not None
        client.execute_interactive(
            f"from rapyer_nb.server import start_embedded; server = start_embedded({arguments})",
            timeout=60,
            output_hook=lambda message: None,
        )
        reply = client.execute("pass", user_expressions={"pid": "server.pid"}, reply=True, timeout=60)
        pid = int(reply["content"]["user_expressions"]["pid"]["data"]["text/plain"])
        assert runs(pid)
        keeper = keeper_of(pid)
        os.kill(manager.provisioner.pid, signal.SIGKILL)
        assert eventually(lambda: not runs(pid))
        assert eventually(lambda: not keeper.is_running())


def test_a_restarted_kernel_has_a_new_server_and_the_old_one_ends(project: Path) -> None:
    with kernel(cwd=str(project), env=dict(os.environ)) as (manager, client):
        start = "from rapyer_nb.server import start_embedded; server = start_embedded()"

        def pid() -> int:
            expressions = {"pid": "server.pid"}
            reply = client.execute(start, user_expressions=expressions, reply=True, timeout=60)
            return int(reply["content"]["user_expressions"]["pid"]["data"]["text/plain"])

        before = pid()
        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=60)
        assert pid() != before
        assert eventually(lambda: not runs(before))


def test_a_killed_keeper_leaves_no_server_behind_and_the_next_start_begins_anew(project: Path) -> None:
    with start_embedded(project) as first:
        keeper_of(first.pid).kill()
        assert eventually(lambda: not first.alive)
        with start_embedded(project) as second:
            assert not runs(first.pid)
            assert second.pid != first.pid
            assert second.alive
            with connect(second.url) as redis:
                assert redis.ping()


def test_a_killed_server_is_noticed_and_the_next_start_begins_anew(project: Path) -> None:
    with start_embedded(project, persistent=True) as first:
        with connect(first.url) as redis:
            redis.set("a", "1")
            # A server whose disk is busy keeps what it is to append for a moment.
            assert eventually(lambda: redis.info("persistence")["aof_buffer_length"] == 0)
        os.kill(first.pid, signal.SIGKILL)
        assert first.wait(20)
        with start_embedded(project, persistent=True) as second, connect(second.url) as redis:
            assert redis.get("a") == "1"


def test_a_keeper_that_is_asked_to_end_takes_the_server_along(project: Path) -> None:
    with start_embedded(project) as server:
        keeper_of(server.pid).terminate()
        assert server.wait(20)
        assert not runs(server.pid)


def test_many_processes_that_start_at_once_get_one_server(project: Path) -> None:
    script = """
import sys
from rapyer_nb.server import start_embedded
print(start_embedded().pid, flush=True)
sys.stdin.read()
"""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script],
            cwd=project,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(6)
    ]
    pids = {process.stdout.readline() for process in processes if process.stdout}
    for process in processes:
        process.communicate()
    assert len(pids) == 1


def test_threads_that_start_at_once_get_one_server(project: Path) -> None:
    servers: list[EmbeddedServer] = []
    threads = [threading.Thread(target=lambda: servers.append(start_embedded(project))) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({server.pid for server in servers}) == 1
    for server in servers:
        server.close()
    assert eventually(lambda: not runs(servers[0].pid))


@pytest.mark.parametrize("persistent", [False, True])
def test_closing_and_starting_again_and_again_always_gives_a_server_that_works(
    project: Path, persistent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without grace, each start meets a keeper that is just ending.
    monkeypatch.setattr(embedded, "GRACE_SECONDS", 0.0)
    for _ in range(10):
        with start_embedded(project, persistent=persistent) as server, connect(server.url) as redis:
            assert redis.json().set("a", "$", 1)
            assert len(servers_below(server.socket.parent)) == 1


def test_a_newcomer_within_the_grace_gets_the_same_server(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "GRACE_SECONDS", 10.0)
    with start_embedded(project) as first:
        pass
    with start_embedded(project) as second:
        assert second.pid == first.pid
        keeper_of(second.pid).terminate()


def test_stale_files_of_a_crash_do_not_disturb(project: Path) -> None:
    with start_embedded(project, persistent=True) as server:
        place = server.socket.parent
        control = project / ".rapyer" / "control"
        pointed = control.read_text()
        keeper_of(server.pid).kill()
        assert server.wait(20)
    assert eventually(lambda: not runs(server.pid))
    assert control.read_text() == pointed
    assert place.exists()
    with start_embedded(project) as ephemeral:  # nothing to join there
        assert ephemeral.data is None
    with start_embedded(project, persistent=True) as again, connect(again.url) as redis:
        assert redis.ping()


def test_an_old_server_that_outlives_its_keeper_never_shares_the_data_with_a_new_one(project: Path) -> None:
    # As on a system without a parent-death signal, had keeper and guardian been killed at once.
    with start_embedded(project, persistent=True) as server:
        os.kill(server.pid, signal.SIGSTOP)
        keeper_of(server.pid).kill()
        assert server.wait(20)
    threading.Timer(0.5, os.kill, (server.pid, signal.SIGKILL)).start()
    with start_embedded(project, persistent=True) as again:
        assert not runs(server.pid)
        assert again.alive


@pytest.fixture
def request_for_one(runtime: Path) -> Iterator[Request]:
    from rapyer_nb.server.candidates import find_candidates
    from rapyer_nb.server.places import private_place

    place = private_place()
    yield Request(find_candidates().candidates, str(place.runtime), (str(place.locks[0]),))
    assert eventually(lambda: not place.runtime.exists())


def test_the_guardian_ends_the_server_of_a_killed_keeper(
    request_for_one: Request, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken, _ = spawn(request_for_one._replace(guardian=True))
    assert taken is not None
    keeper = keeper_of(taken.state.pid)
    guardians = [child for child in keeper.children() if child.pid != taken.state.pid]
    assert len(guardians) == 1
    keeper.kill()
    assert eventually(lambda: not runs(taken.state.pid))
    assert eventually(lambda: not guardians[0].is_running())
    os.close(taken.fd)
    # Its directory is what the next one sweeps away.
    os.utime(request_for_one.locks[0], (0, 0))
    sweeping.sweep(str(Path(request_for_one.runtime).parent))


def test_the_guardian_goes_with_a_keeper_that_ends(request_for_one: Request) -> None:
    taken, _ = spawn(request_for_one._replace(guardian=True))
    assert taken is not None
    keeper = keeper_of(taken.state.pid)
    family = keeper.children()
    os.close(taken.fd)
    assert eventually(lambda: not any(process.is_running() for process in (keeper, *family)))


def test_only_abandoned_places_are_swept(runtime: Path) -> None:
    with start_embedded(shared=False) as server:
        base = server.socket.parent.parent
        abandoned = base / "p-000000000000"
        abandoned.mkdir()
        (base / "p-000000000000.lock").touch()
        (base / "p-000000000000.start").touch()
        for path in base.glob("*.lock"):
            os.utime(path, (0, 0))
        young = base / "p-111111111111.lock"
        young.touch()
        sweeping.sweep(str(base))
        assert not list(base.glob("p-000000000000*"))
        assert young.exists()
        assert server.socket.exists()
        young.unlink()
    assert eventually(lambda: not runs(server.pid))


def _child(server: EmbeddedServer, project: str, answers: "multiprocessing.queues.Queue[object]") -> None:
    with connect(server.url) as redis:
        answers.put(redis.ping())
    server.close()
    answers.put(server.alive)
    with start_embedded(Path(project)) as own:
        answers.put(own.pid)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_end_the_server_of_its_parent(project: Path) -> None:
    forking = multiprocessing.get_context("fork")
    answers = forking.Queue()
    with start_embedded(project) as server:
        child = forking.Process(target=_child, args=(server, str(project), answers))
        child.start()
        assert [answers.get(timeout=30) for _ in range(3)] == [True, False, server.pid]
        child.join(30)
        assert not server.wait(1.0)
        with connect(server.url) as redis:
            assert redis.ping()


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_does_not_keep_the_server_of_a_killed_parent(project: Path) -> None:
    with user(project) as parent:
        parent.does("__import__('os').fork() or (__import__('os').close(1), __import__('time').sleep(60))")
        child = psutil.Process(parent.process.pid).children()[0]
        parent.kill()
        assert child.is_running()
        assert eventually(lambda: not runs(parent.pid))
        child.kill()


def test_a_start_lock_that_is_never_given_free_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded, "STARTER_SECONDS", 0.1)
    monkeypatch.setattr(embedded.FileLock, "acquire", lambda self, within=0.0: False)
    with pytest.raises(EmbeddedServerError, match="another process has been starting the server for 0.1 s"):
        start_embedded(project)


def test_a_keeper_that_does_not_answer_is_named(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contact, "ANSWER_SECONDS", 0.1)
    control = runtime / "rapyer-control.sock"
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(control))
        silent.listen()
        with pytest.raises(EmbeddedServerError, match=rf"does not answer at {control}; end that process"):
            join(control)
    control.unlink()


def test_a_python_that_cannot_run_the_keeper_is_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(EmbeddedServerError, match="keeper of the embedded server cannot be run: no output"):
        start_embedded(shared=False)


def test_a_lock_file_that_was_removed_under_a_waiting_process_is_not_taken_for_the_lock(
    tmp_path: Path,
) -> None:
    path = str(tmp_path / "lock")
    first, second, third = (FileLock(path, inheritable=True) for _ in range(3))
    assert first.acquire()
    assert not second.acquire()
    first.release(remove=True)
    assert second.acquire()
    assert not third.acquire(0.05)
    second.release()
    assert third.acquire()
    third.release(remove=True)
    assert not os.path.exists(path)


def test_the_keeper_needs_nothing_but_the_standard_library() -> None:
    # It is run without site-packages, and without the packages that contain it.
    for path in Path(keeper.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.level:
                assert node.level == 1, path
            elif isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] in sys.stdlib_module_names, path
            elif isinstance(node, ast.Import):
                assert all(name.name.split(".")[0] in sys.stdlib_module_names for name in node.names), path

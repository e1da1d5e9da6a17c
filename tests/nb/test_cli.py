"""The command `rapyer-nb`: what it prints, what it starts, and what it says when it cannot."""

import contextlib
import importlib.metadata
import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from rapyer_nb.cli import lab_command, main
from rapyer_nb.server import start_embedded
from tests.nb.server_processes import connect, eventually, keeper_of, runs

COMMAND = [sys.executable, "-m", "rapyer_nb"]
SCRIPT = Path(sys.executable).with_name("rapyer-nb")


@contextlib.contextmanager
def running(*words: str, cwd: Path, **environment: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [*COMMAND, *words],
        cwd=cwd,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def first_line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    return process.stdout.readline().rstrip("\n")


def server_at(url: str) -> int:
    with connect(url) as redis:
        return int(redis.info("server")["process_id"])


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"rapyer-nb {importlib.metadata.version('rapyer-nb')}\n"


def test_the_installed_command_and_the_module_are_the_same() -> None:
    for command in ([str(SCRIPT)], COMMAND):
        done = subprocess.run([*command, "--version"], capture_output=True, text=True, timeout=60)
        assert done.stdout.startswith("rapyer-nb ")


def test_without_a_command_the_usage_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "usage: rapyer-nb" in capsys.readouterr().err


def test_serve_prints_the_url_and_ends_on_ctrl_c(project: Path) -> None:
    with running("serve", "--ephemeral", cwd=project) as process:
        url = first_line(process)
        pid = server_at(url)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0
    assert re.fullmatch(r"rapyer-nb: Redis [\d.]+ at unix:///\S+; data is not kept\n", said)
    assert eventually(lambda: not runs(pid))


def test_serve_keeps_data_unless_told_otherwise(project: Path) -> None:
    with running("serve", cwd=project) as process:
        with connect(first_line(process)) as redis:
            redis.set("a", "1")
        process.terminate()
        _, said = process.communicate(timeout=30)
        assert process.returncode == 0
    assert f"data is kept in {project}/.rapyer/data" in said
    with running("serve", cwd=project) as process, connect(first_line(process)) as redis:
        assert redis.get("a") == "1"


def test_a_notebook_of_the_project_joins_what_serve_runs(project: Path) -> None:
    with running("serve", cwd=project) as process:
        url = first_line(process)
        with start_embedded(project) as server:
            assert server.url == url


def test_serve_masks_the_password_of_a_port_and_says_how_to_see_it(project: Path) -> None:
    with running("serve", "--ephemeral", "--port", "0", cwd=project) as process:
        assert re.fullmatch(r"redis://:\*\*\*@127\.0\.0\.1:\d+/0", first_line(process))
        process.terminate()
        out, said = process.communicate(timeout=30)
    assert "rapyer-nb: the password is hidden; --show-password prints it\n" in said
    assert not re.search(r"[0-9a-f]{32}", out + said)


def test_serve_shows_the_password_when_asked(project: Path) -> None:
    with running("serve", "--ephemeral", "--port", "0", "--show-password", cwd=project) as process:
        url = first_line(process)
        assert server_at(url)
        process.terminate()
        _, said = process.communicate(timeout=30)
    assert "hidden" not in said
    assert not re.search(r"[0-9a-f]{32}", said)


def test_serve_on_a_port_in_use_says_so(project: Path, tmp_path: Path) -> None:
    with start_embedded(shared=False, port=0) as server:
        done = subprocess.run(
            [*COMMAND, "serve", "--ephemeral", "--port", str(server.port)],
            cwd=project,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(
        f"rapyer-nb: error: the embedded server cannot be started: port {server.port} of 127.0.0.1 cannot be opened"
    )
    assert len(done.stderr.splitlines()) == 1


def test_serve_ends_when_its_server_does(project: Path) -> None:
    with running("serve", "--ephemeral", cwd=project) as process:
        keeper_of(server_at(first_line(process))).kill()
        _, said = process.communicate(timeout=30)
        assert process.returncode == 1
    assert said.endswith("rapyer-nb: error: the server has ended\n")
    start_embedded(project).close()  # which clears up after the killed keeper


def test_serve_with_parent_ends_with_it(project: Path) -> None:
    script = f"{sys.executable} -m rapyer_nb serve --ephemeral --with-parent & wait"
    with subprocess.Popen(["sh", "-c", script], cwd=project, stdout=subprocess.PIPE, text=True) as shell:
        pid = server_at(first_line(shell))
        shell.kill()
        assert eventually(lambda: not runs(pid))


def test_without_a_server_the_command_says_what_was_tried(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rapyer_nb.server.candidates._package", lambda name: None)
    monkeypatch.setenv("PATH", str(project))
    monkeypatch.chdir(project)
    assert main(["serve", "--ephemeral"]) == 2
    assert "rapyer-nb: error: no embedded Redis with JSON and Search could be started. Tried:\n" in (
        capsys.readouterr().err
    )


def test_lab_opens_on_notebooks_where_there_are_some(tmp_path: Path) -> None:
    assert "--LabApp.default_url=/lab/tree/notebooks" not in lab_command(tmp_path, port=None, browser=True)
    (tmp_path / "notebooks").mkdir()
    assert "--LabApp.default_url=/lab/tree/notebooks" in lab_command(tmp_path, port=None, browser=True)


def test_lab_runs_as_root_only_where_it_is_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert "--allow-root" not in lab_command(tmp_path, port=None, browser=True)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert "--allow-root" in lab_command(tmp_path, port=None, browser=True)


def test_lab_passes_its_options_on(tmp_path: Path) -> None:
    command = lab_command(tmp_path, port=9999, browser=False)
    assert command[:4] == [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={tmp_path}"]
    assert {"--ServerApp.port=9999", "--no-browser"} <= set(command)
    assert "--no-browser" not in lab_command(tmp_path, port=9999, browser=True)


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["lab", "no/such"], 2, "rapyer-nb: error: no/such is not a directory\n"),
        (["run"], 2, "the following arguments are required: NOTEBOOK"),
        (["lab", "--redis", "redis://h", "--ephemeral"], 2, "not allowed with argument --redis"),
    ],
)
def test_mistakes_are_named(project: Path, words: list[str], code: int, said: str) -> None:
    done = subprocess.run([*COMMAND, *words], cwd=project, capture_output=True, text=True, timeout=60)
    assert done.returncode == code
    assert said in done.stderr


def test_without_jupyterlab_the_cure_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert main(["lab", str(project)]) == 2
    assert capsys.readouterr().err == (
        'rapyer-nb: error: jupyterlab is not installed; pip install "rapyer-nb[lab]"\n'
    )


@pytest.fixture
def becomes(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Return what `lab` would become, without becoming it."""
    seen: dict[str, object] = {}

    def execve(path: str, command: list[str], environment: dict[str, str]) -> None:
        seen.update(command=command, url=environment["RAPYER_REDIS_URL"])
        raise SystemExit(0)

    monkeypatch.setattr(os, "execve", execve)
    return seen


@pytest.mark.parametrize(
    ("words", "environment", "url"),
    [
        (["--redis", "redis://a:1/0"], {"RAPYER_REDIS_URL": "redis://b:1/0"}, "redis://a:1/0"),
        ([], {"RAPYER_REDIS_URL": "redis://b:1/0", "REDIS_URL": "redis://c:1/0"}, "redis://b:1/0"),
        ([], {"REDIS_URL": "redis://:secret@c:1/0"}, "redis://:secret@c:1/0"),
    ],
)
def test_lab_uses_the_server_it_is_given(
    project: Path,
    becomes: dict[str, object],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    environment: dict[str, str],
    url: str,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        main(["lab", *words, str(project)])
    assert becomes["url"] == url
    said = capsys.readouterr().err
    assert said == f"rapyer-nb: notebooks use {url.replace('secret', '***')}\n"
    assert not (project / ".rapyer").exists()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextlib.contextmanager
def lab(project: Path, *words: str) -> Iterator[tuple["subprocess.Popen[str]", str, str]]:
    """Run JupyterLab on a free port; give the process, its URL and its token."""
    home = project.parent / "home"
    environment = {
        "JUPYTER_RUNTIME_DIR": str(home / "run"),
        "JUPYTER_CONFIG_DIR": str(home),
        "HOME": str(home),
    }
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    with running("lab", "--no-browser", "--port", port, *words, cwd=project, **environment) as process:

        def described() -> list[Path]:
            return [path for path in (home / "run").glob("jpserver-*.json") if path.read_text().endswith("}")]

        assert eventually(described, 60)
        facts = json.loads(described()[0].read_text())
        assert eventually(lambda: answers(facts["port"]))
        yield process, facts["url"], facts["token"]


def ask(
    url: str, token: str, method: str = "GET", content: dict[str, str] | None = None
) -> dict[str, object]:
    request = urllib.request.Request(
        url,
        method=method,
        headers={"Authorization": f"token {token}"},
        data=json.dumps(content).encode() if content is not None else None,
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        body = answer.read()
    return json.loads(body) if body else {}


def test_lab_holds_the_server_for_its_kernels_for_as_long_as_it_lives(project: Path) -> None:
    with lab(project) as (process, url, token):
        kernel = ask(f"{url}api/kernels", token, "POST", {"name": "python3"})
        assert kernel["id"]
        with start_embedded(project) as server:
            pid = server.pid
            assert server.data == project / ".rapyer" / "data"
        kernels = psutil.Process(process.pid).children(recursive=True)
        assert {child.environ()["RAPYER_REDIS_URL"] for child in kernels} == {server.url}
        assert eventually(lambda: runs(pid), 1)
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0
    assert (
        f"rapyer-nb: Redis {server.version} at {server.url}; data is kept in {project}/.rapyer/data\n" in said
    )
    assert eventually(lambda: not runs(pid))


def test_a_killed_lab_leaves_no_server_behind(project: Path) -> None:
    with lab(project, "--ephemeral") as (process, url, token):
        with start_embedded(project) as server:
            pid = server.pid
            assert server.data is None
        assert runs(pid)
        process.kill()
        assert eventually(lambda: not runs(pid))

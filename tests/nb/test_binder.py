"""The Binder configuration: what repo2docker makes of it, and that its start script brings a server."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.nb.server_processes import eventually, runs

ROOT = Path(__file__).resolve().parents[2]
BINDER = ROOT / "binder"


@pytest.fixture(scope="module")
def dockerfile(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return what repo2docker prints for a clean copy of the tree."""
    command = Path(sys.executable).with_name("repo2docker")
    if not command.exists():
        pytest.skip("repo2docker needs Python 3.11")
    copy = tmp_path_factory.mktemp("clone") / "repo"
    copy.mkdir()
    for name in ("binder", "rapyer", "rapyer_nb", "notebooks"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy / name)
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    for words in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "--no-gpg-sign", "-m", "copy"]):
        subprocess.run(["git", *words], cwd=copy, check=True, capture_output=True)
    done = subprocess.run(
        [command, "--no-build", "--debug", "--user-id", "1000", "--user-name", "jovyan", "."],
        cwd=copy,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "line",
    [
        "RUN chmod +x binder/postBuild",
        "RUN ./binder/postBuild",
        "RUN chmod +x ${REPO_DIR}/binder/start",
        "ENV R2D_ENTRYPOINT=${REPO_DIR}/binder/start",
        "CMD [jupyter, notebook, --ip, 0.0.0.0]",
    ],
)
def test_repo2docker_takes_the_scripts(dockerfile: str, line: str) -> None:
    # Its versions differ in their quotes.
    assert line in [found.strip().replace('"', "") for found in dockerfile.splitlines()]


def test_the_image_is_built_in_the_order_that_the_scripts_need(dockerfile: str) -> None:
    lines = [line.strip().replace('"', "") for line in dockerfile.splitlines()]
    whole = next(line for line in lines if line.startswith("COPY") and line.endswith(" src/ ${REPO_DIR}/"))
    steps = [lines.index(step) for step in (whole, "RUN chmod +x binder/postBuild", "RUN ./binder/postBuild")]
    users = [at for at, line in enumerate(lines) if line == "USER ${NB_USER}"]
    assert steps == sorted(steps)
    assert (
        steps[0] < users[-1] < steps[-1]
    )  # all of the repository is there, and nothing runs as root any more
    assert lines.index("ENV R2D_ENTRYPOINT=${REPO_DIR}/binder/start") > steps[-1]
    assert "EXPOSE 8888" in lines


def test_the_image_installs_no_package_of_the_system_for_the_project(dockerfile: str) -> None:
    assert not (BINDER / "apt.txt").exists()
    assert "redis" not in dockerfile.lower().replace("rapyer_redis", "")


def test_repo2docker_builds_the_python_of_the_runtime_file(dockerfile: str) -> None:
    assert (BINDER / "runtime.txt").read_text().strip() == "python-3.11"
    assert "Building conda environment for python=3.11" in dockerfile


def test_repo2docker_does_not_install_the_project_by_itself(dockerfile: str) -> None:
    lines = [line for line in dockerfile.splitlines() if "pip install" in line]
    assert any("binder/requirements.txt" in line for line in lines)
    assert not any(line.rstrip().endswith((" .", '"."')) for line in lines)


@pytest.mark.parametrize("name", ["postBuild", "start"])
def test_the_scripts_are_executable_and_of_sound_syntax(name: str) -> None:
    script = BINDER / name
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/bin/bash\n")
    subprocess.run(["bash", "-n", str(script)], check=True)


def test_the_build_installs_what_the_readme_installs() -> None:
    assert 'pip install --no-cache-dir ".[course]"' in (BINDER / "postBuild").read_text()


def test_the_start_script_becomes_the_command_it_is_given() -> None:
    assert (BINDER / "start").read_text().rstrip().splitlines()[-1] == 'exec "$@"'


ASK = """
import os, sys
from redis import Redis
with Redis.from_url(os.environ["RAPYER_REDIS_URL"], protocol=2) as redis:
    assert redis.json().set("a", "$", 1) and redis.execute_command("FT._LIST") == []
    print(redis.info("server")["process_id"], *sys.argv[1:], sep="|")
"""


def start(folder: Path, *command: str, path: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [BINDER / "start", *command],
        cwd=folder,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_server_answers_in_the_command_and_ends_with_it(project: Path) -> None:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    done = start(project, "python", "-c", ASK, "an argument", "*", path=path)
    assert done.returncode == 0, done.stderr
    pid, *arguments = done.stdout.strip().split("|")
    assert arguments == ["an argument", "*"]
    assert eventually(lambda: not runs(int(pid)))


def test_the_exit_code_is_that_of_the_command(project: Path) -> None:
    assert (
        start(project, "sh", "-c", "exit 7", path=f"{Path(sys.executable).parent}:/usr/bin:/bin").returncode
        == 7
    )


def test_without_a_server_the_command_runs_all_the_same(project: Path) -> None:
    done = start(project, "sh", "-c", 'echo "URL: ${RAPYER_REDIS_URL-none}"', path="/usr/bin:/bin")
    assert done.stdout == "URL: none\n"
    assert "binder/start: no Redis server" in done.stderr

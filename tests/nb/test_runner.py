"""`rapyer-nb run`: notebooks headless, as somebody at a terminal or a build server sees it."""

import fcntl
import json
import os
import pty
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

from rapyer_nb.notebooks import UnrunnableNotebook, run_notebooks
from tests.nb.server_processes import connect
from tests.nb.test_queued_cells import notebook

PUT = """
import os
from redis import Redis
redis = Redis.from_url(os.environ["RAPYER_REDIS_URL"], protocol=2)
redis.json().set("a", "$", {"x": 1})
redis.execute_command("FT._LIST")
"""


def run(*words: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "rapyer_nb", "run", *map(str, words)],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=100,
    )


def test_notebooks_run_on_a_server_of_their_own_with_one_line_each(project: Path) -> None:
    notebook(project / "one.ipynb", PUT)
    notebook(project / "two.ipynb", PUT, "assert redis.json().get('a') == {'x': 1}")
    before = {path: path.read_bytes() for path in project.glob("*.ipynb")}
    done = run("one.ipynb", "two.ipynb", cwd=project)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first.startswith("one.ipynb: ok, 1 cell, ")
    assert second.startswith("two.ipynb: ok, 2 cells, ")
    assert second.endswith(" s")
    assert done.stderr == ""
    assert {path: path.read_bytes() for path in project.iterdir() if path.suffix == ".ipynb"} == before
    assert sorted(path.name for path in project.iterdir()) == ["one.ipynb", "pyproject.toml", "two.ipynb"]


def test_the_first_failing_cell_stops_everything_with_its_traceback(project: Path) -> None:
    notebook(project / "bad.ipynb", "x = 0", "y = 1 / x", "open('never', 'w')")
    notebook(project / "next.ipynb", "open('never', 'w')")
    done = run("bad.ipynb", "next.ipynb", cwd=project)
    assert done.returncode == 1
    # The title of the notebook is its first cell.
    assert [line.split(", ")[0] for line in done.stdout.splitlines()] == ["bad.ipynb: failed at cell 3"]
    assert "y = 1 / x" in done.stderr
    assert "ZeroDivisionError: division by zero" in done.stderr
    assert "\x1b" not in done.stderr
    assert not (project / "never").exists()


def test_a_cell_that_may_fail_may_fail(project: Path) -> None:
    path = notebook(project / "a.ipynb", "1 / 0", "2")
    content = json.loads(path.read_text())
    content["cells"][1]["metadata"] = {"tags": ["raises-exception"]}
    path.write_text(json.dumps(content))
    assert run("a.ipynb", cwd=project).returncode == 0


def test_a_cell_that_takes_too_long_fails(project: Path) -> None:
    notebook(project / "slow.ipynb", "import time\ntime.sleep(60)")
    done = run("--timeout", "1", "slow.ipynb", cwd=project)
    assert done.returncode == 1
    assert done.stdout.startswith("slow.ipynb: failed at cell 2, ")
    assert done.stderr.startswith("a cell took longer than 1 s\n")


def test_a_kernel_that_dies_fails(project: Path) -> None:
    notebook(project / "dies.ipynb", "import os\nos._exit(1)")
    done = run("dies.ipynb", cwd=project)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == "the kernel died"


def test_copies_with_outputs_are_written_where_they_are_wanted(project: Path) -> None:
    notebook(project / "a.ipynb", "6 * 7")
    notebook(project / "b.ipynb", "1 / 0")
    assert run("a.ipynb", "b.ipynb", "--output", "ran/here", cwd=project).returncode == 1
    copy = json.loads((project / "ran" / "here" / "a.ipynb").read_text())
    assert copy["cells"][1]["outputs"][0]["data"]["text/plain"] == ["42"]
    failed = json.loads((project / "ran" / "here" / "b.ipynb").read_text())
    assert failed["cells"][1]["outputs"][0]["ename"] == "ZeroDivisionError"
    assert json.loads((project / "a.ipynb").read_text())["cells"][1]["outputs"] == []


def test_a_copy_never_replaces_a_notebook(project: Path) -> None:
    before = notebook(project / "a.ipynb", "1").read_bytes()
    done = run("a.ipynb", "--output", ".", cwd=project)
    assert done.returncode == 2
    assert done.stderr == (
        "rapyer-nb: error: a.ipynb is a notebook of this run: choose another directory for the output\n"
    )
    assert (project / "a.ipynb").read_bytes() == before


def test_two_copies_never_have_the_same_name(project: Path) -> None:
    for name in ("one", "two"):
        (project / name).mkdir()
        notebook(project / name / "a.ipynb", "1")
    done = run("one/a.ipynb", "two/a.ipynb", "--output", "ran", cwd=project)
    assert done.returncode == 2
    assert "two notebooks would both be written to ran/a.ipynb" in done.stderr


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("missing.ipynb", None, "missing.ipynb: No such file or directory"),
        ("text.ipynb", "hello", "text.ipynb is not a notebook: "),
        ("empty.ipynb", "{}", "empty.ipynb is not a notebook: "),
        (".", None, ".: Is a directory"),
    ],
)
def test_what_cannot_be_run_is_named_in_one_line(
    project: Path, name: str, content: str | None, said: str
) -> None:
    if content is not None:
        (project / name).write_text(content)
    done = run(name, cwd=project)
    assert done.returncode == 2
    assert done.stderr.startswith(f"rapyer-nb: error: {said}")
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_an_unknown_kernel_is_named(project: Path) -> None:
    path = notebook(project / "a.ipynb", "1")
    content = json.loads(path.read_text())
    content["metadata"] = {"kernelspec": {"name": "cobol", "display_name": "Cobol", "language": "cobol"}}
    path.write_text(json.dumps(content))
    done = run("a.ipynb", cwd=project)
    assert done.returncode == 2
    assert done.stderr == "rapyer-nb: error: a.ipynb wants the kernel 'cobol', which is not installed\n"


def test_another_server_is_used_if_asked(project: Path, rapyer_redis_url: str) -> None:
    notebook(project / "a.ipynb", "import os", PUT.replace('"a"', '"of-the-runner"'))
    assert run("--redis", rapyer_redis_url, "a.ipynb", cwd=project).returncode == 0
    with connect(rapyer_redis_url) as redis:
        assert redis.delete("of-the-runner") == 1


def test_a_url_in_the_environment_is_not_used(project: Path) -> None:
    # A run must not write to whatever database happens to be configured.
    notebook(project / "a.ipynb", PUT)
    elsewhere = "redis://127.0.0.1:1/0"
    assert run("a.ipynb", cwd=project, RAPYER_REDIS_URL=elsewhere, REDIS_URL=elsewhere).returncode == 0


def test_kernels_start_beside_their_notebooks(project: Path) -> None:
    (project / "deep").mkdir()
    notebook(project / "deep" / "a.ipynb", f"import os\nassert os.getcwd() == {str(project / 'deep')!r}")
    assert run("deep/a.ipynb", cwd=project).returncode == 0


def test_a_terminal_shows_a_progress_bar(project: Path) -> None:
    notebook(project / "a.ipynb", "1", "2", "3")
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
    command = [sys.executable, "-m", "rapyer_nb", "run", "a.ipynb"]
    process = subprocess.Popen(command, cwd=project, stdout=subprocess.PIPE, stderr=its, text=True)
    os.close(its)
    shown = b""
    while True:
        try:
            chunk = os.read(ours, 4096)
        except OSError:  # Linux says so when the other end was closed
            break
        if not chunk:
            break
        shown += chunk
    os.close(ours)
    stdout, _ = process.communicate(timeout=60)
    assert stdout.startswith("a.ipynb: ok, 3 cells, ")
    assert "a.ipynb" in shown.decode()
    assert "3/3" in shown.decode()


def test_missing_files_are_found_before_anything_runs(tmp_path: Path) -> None:
    paths = [notebook(tmp_path / "a.ipynb", "open('never', 'w')"), tmp_path / "missing.ipynb"]
    with pytest.raises(UnrunnableNotebook, match="missing.ipynb: No such file"):
        list(run_notebooks(paths, environment=os.environ))
    assert not (tmp_path / "never").exists()

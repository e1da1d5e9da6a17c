"""What Binder's image holds: `postBuild` and `start`, run in a clean directory and an environment of their own."""

import os
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.nb.server_processes import eventually, runs
from tests.nb.test_binder import ASK, ROOT

TREE = ("binder", "notebooks", "rapyer", "rapyer_nb", "pyproject.toml", "README.md", "LICENSE")
"""What the build and the first notebook need of the repository."""


@dataclass(frozen=True)
class Image:
    """A copy of the repository, and the environment that `postBuild` has installed it into.

    Attributes:
        repository: The copy.
        environment: The environment.
    """

    repository: Path
    environment: Path

    def run(self, *words: str, timeout: float = 110) -> subprocess.CompletedProcess[str]:
        """Run a command in the repository, as Binder does, and return what it said."""
        kept = {name: value for name, value in os.environ.items() if name in {"HOME", "XDG_RUNTIME_DIR"}}
        offline = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
        return subprocess.run(
            words,
            cwd=self.repository,
            env=kept | offline | {"PATH": f"{self.environment}/bin:/usr/bin:/bin"},
            capture_output=True,
            text=True,
            timeout=timeout,
        )


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    """Run `postBuild`; what is not of this repository comes from the packages that are here, not from an index."""
    made = Image(tmp_path_factory.mktemp("image") / "repository", tmp_path_factory.mktemp("python"))
    made.repository.mkdir()
    for path in map(ROOT.joinpath, TREE):
        if path.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".*")
            shutil.copytree(path, made.repository / path.name, ignore=ignored)
        else:
            shutil.copy(path, made.repository)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(made.environment)], check=True)
    asked = ["python", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(made.run(*asked).stdout.strip())
    (packages / "those_here.pth").write_text(sysconfig.get_path("purelib"))
    built = made.run("binder/postBuild")
    assert built.returncode == 0, built.stdout + built.stderr
    return made


def test_the_build_installs_both_packages_and_the_command(image: Image) -> None:
    asked = "import rapyer, rapyer_nb; print(rapyer.__file__, rapyer_nb.__file__)"
    found = image.run(
        "python", "-I", "-c", asked
    ).stdout.split()  # -I: not the packages of the directory it is in
    assert len(found) == 2
    assert all(Path(file).is_relative_to(image.environment) for file in found)
    assert (image.environment / "bin" / "rapyer-nb").exists()


def test_the_build_leaves_the_repository_as_it_was(image: Image) -> None:
    there = {path.name for path in image.repository.iterdir()}
    assert there - {"build"} == set(TREE)


def test_start_brings_a_server_with_json_and_search_that_ends_with_the_command(image: Image) -> None:
    done = image.run("binder/start", "python", "-c", ASK, "an argument", "*")
    assert done.returncode == 0, done.stderr
    pid, *arguments = done.stdout.strip().split("|")
    assert arguments == ["an argument", "*"]
    assert eventually(lambda: not runs(int(pid)))


def test_start_runs_a_notebook_of_the_course(image: Image) -> None:
    done = image.run("binder/start", "rapyer-nb", "run", "notebooks/01_quickstart.ipynb")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "notebooks/01_quickstart.ipynb: ok" in done.stdout
    assert not (image.repository / ".rapyer").exists()  # nothing is kept


def test_start_opens_jupyter_with_the_arguments_it_is_given(image: Image) -> None:
    done = image.run("binder/start", "python", "-m", "jupyterlab", "--version")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split(".")[0].isdigit()

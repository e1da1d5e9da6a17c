"""The wheel works where it is installed, and a second `rapyer` is noticed."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def _pip(*words: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *words], check=True
    )


def _python(code: str, *, path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(path), **environment}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=path, env=env, capture_output=True, text=True, timeout=60
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("wheel")
    _pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(directory), str(ROOT))
    (built,) = directory.glob("rapyer_nb-*.whl")
    return built


@pytest.fixture(scope="module")
def site(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site")
    _pip("install", "--no-deps", "--target", str(directory), str(wheel))
    return directory


def test_the_wheel_holds_both_packages_and_what_belongs_to_them(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    scripts = {path.name for path in (ROOT / "rapyer/scripts/lua").iterdir()}
    assert {f"rapyer/scripts/lua/{name}" for name in scripts} <= names
    assert {"rapyer/py.typed", "rapyer_nb/py.typed"} <= names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    tops = {name.split("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"rapyer", "rapyer_nb"}


def test_the_installed_wheel_works(site: Path, rapyer_redis_url: str) -> None:
    code = """
import asyncio, os, rapyer, rapyer_nb
from rapyer import AtomicRedisModel, Index
class User(AtomicRedisModel):
    age: Index[int] = 2
    settings: dict[str, int] = {"a": 1}
async def main():
    await rapyer.init_rapyer(os.environ["URL"])
    user = await User().asave()
    async with user.apipeline():
        user.age **= 3
    print(rapyer.__file__, rapyer_nb.__file__, await user.settings.apop("a"), len(await User.afind(User.age == 8)))
    await user.adelete()
    await rapyer.teardown_rapyer()
asyncio.run(main())
"""
    done = _python(code, path=site, URL=rapyer_redis_url)
    assert done.stderr == ""
    assert done.stdout.split() == [f"{site}/rapyer/__init__.py", f"{site}/rapyer_nb/__init__.py", "1", "1"]


def _other_distribution(directory: Path) -> None:
    info = directory / "rapyer-9.9.9.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: rapyer\nVersion: 9.9.9\n")


def test_the_other_distribution_beside_this_one_is_told_of(tmp_path: Path) -> None:
    _other_distribution(tmp_path)
    done = _python("import rapyer", path=tmp_path)
    assert done.returncode == 0
    assert (
        "DistributionConflictWarning: both rapyer-nb and rapyer 9.9.9 are installed, and both provide the package "
        "`rapyer`: run `pip uninstall rapyer`, then `pip install --force-reinstall --no-deps rapyer-nb`"
    ) in done.stderr


def test_the_toolkit_says_so_where_the_other_package_wins(tmp_path: Path) -> None:
    _other_distribution(tmp_path)
    (tmp_path / "rapyer").mkdir()
    (tmp_path / "rapyer" / "__init__.py").write_text("AtomicRedisModel = object\n")
    done = _python("import rapyer_nb", path=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        f"ImportError: rapyer_nb needs the package `rapyer` of rapyer-nb, but Python finds another one in {tmp_path}/rapyer: "
        "run `pip uninstall rapyer`, then `pip install --force-reinstall --no-deps rapyer-nb`"
    )


@pytest.mark.parametrize("module", ["rapyer", "rapyer_nb"])
def test_importing_connects_to_nothing(module: str, tmp_path: Path) -> None:
    code = f"""
import os, sys
sys.addaudithook(lambda event, args: os._exit(9) if event == "socket.connect" else None)
import {module}
"""
    assert _python(code, path=tmp_path).returncode == 0

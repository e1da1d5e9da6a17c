"""A JupyterLab of its own for a test: fresh settings, a free port, a notebook directory."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")

_APPUTILS = "lab/user-settings/@jupyterlab/apputils-extension"


def eventually(look: Callable[[], T], what: str, seconds: float = 15) -> T:
    """Look until there is something true, and return it."""
    end = time.monotonic() + seconds
    while True:
        try:
            if found := look():
                return found
        except OSError:
            pass
        if time.monotonic() > end:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.02)


class Lab:
    """A running JupyterLab.

    Args:
        directory: An empty directory for settings, runtime files and the log.
        notebooks: The directory that it opens.
        environment: What its kernels see besides the present environment.
        subshells: The setting that says how comm messages reach the kernel; None for Lab's default.
    """

    def __init__(
        self,
        directory: Path,
        notebooks: Path,
        environment: dict[str, str],
        subshells: str | None = None,
    ) -> None:
        self._directory = directory
        self._notebooks = notebooks
        self._environment = environment
        self._subshells = subshells
        self.port = _free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Lab:
        config = self._directory / "config"
        _settings(config, "notification", fetchNews="false", checkForUpdates=False, doNotDisturbMode=True)
        if self._subshells is not None:
            _settings(config, "kernels-settings", commsOverSubshells=self._subshells)
        environment = {
            **os.environ,
            "JUPYTER_CONFIG_DIR": str(config),
            "JUPYTER_DATA_DIR": str(self._directory / "data"),
            "JUPYTER_RUNTIME_DIR": str(self._directory / "runtime"),
            "IPYTHONDIR": str(self._directory / "ipython"),
            **self._environment,
        }
        with (self._directory / "lab.log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command(), env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=self._notebooks
            )
        try:
            eventually(self._answers, f"JupyterLab answers; see {self._directory / 'lab.log'}", 60)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(15)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _command(self) -> list[str]:
        return [
            sys.executable,
            "-m",
            "jupyterlab",
            "--no-browser",
            "--allow-root",
            "--ip=127.0.0.1",
            f"--port={self.port}",
            "--ServerApp.port_retries=0",
            "--IdentityProvider.token=",
            f"--ServerApp.root_dir={self._notebooks}",
            "--LabApp.news_url=None",
            "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
            "--LabApp.extension_manager=readonly",
            "--LabApp.expose_app_in_browser=True",
            "--ServerApp.terminals_enabled=False",
        ]

    def _answers(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            raise AssertionError((self._directory / "lab.log").read_text()[-2000:])
        with urllib.request.urlopen(f"{self.url}/api", timeout=2) as reply:
            return bool(reply.status == 200)


def _settings(config: Path, name: str, **values: Any) -> None:
    place = config / _APPUTILS
    place.mkdir(parents=True, exist_ok=True)
    (place / f"{name}.jupyterlab-settings").write_text(json.dumps(values))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port

"""What importing costs, in fresh interpreters."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from typing import TYPE_CHECKING

from benchmarks.checks import positive
from benchmarks.timing import Work

if TYPE_CHECKING:
    from contextlib import ExitStack

_CLOCKED = """
import time
start = time.perf_counter()
{}
class First(Base):
    number: int = 1
print(time.perf_counter() - start)
"""
# pydantic loads most of itself when the first model is defined, so each program defines one.
_PLAIN = "import redis.asyncio; from pydantic import BaseModel as Base"
_RAPYER = "from rapyer import AtomicRedisModel as Base"


def import_work(caches: ExitStack) -> dict[str, Work]:
    """Return importing the library and defining a model, and the same with what it is built on.

    Args:
        caches: Keeps the folder of compiled modules, which the first round fills.
    """
    folder = caches.enter_context(tempfile.TemporaryDirectory())
    programs = {"plain": _PLAIN, "ours": _RAPYER}
    return {name: _started(sys.executable, text, folder) for name, text in programs.items()}


def peer_import(caches: ExitStack, python: str) -> Work:
    """Return the same for the `rapyer` that another interpreter has."""
    return _started(python, _RAPYER, caches.enter_context(tempfile.TemporaryDirectory()), cwd="/")


def _started(python: str, program: str, folder: str, cwd: str | None = None) -> Work:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPYCACHEPREFIX"] = folder

    def run(_: int) -> float:
        done = subprocess.run(
            [python, "-W", "ignore", "-c", _CLOCKED.format(program)],
            capture_output=True,
            check=True,
            text=True,
            cwd=cwd,
            env=environment,
        )
        return float(done.stdout)

    return Work(run, positive, bulk=True, own_clock=True)

"""Removing what killed keepers have left behind."""

import contextlib
import os
import shutil
import time

from .locks import FileLock

# Younger ones may be about to get a keeper.
AGE_SECONDS = 60.0


def sweep(base: str) -> None:
    """Remove the runtime directories in `base` that no keeper and no server holds any more."""
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(base)):
            if name.endswith(".lock"):
                _sweep_one(os.path.join(base, name))


def _sweep_one(path: str) -> None:
    with contextlib.suppress(OSError):
        if time.time() - os.stat(path).st_mtime < AGE_SECONDS:
            return
        lock = FileLock(path, inheritable=True)
        if lock.acquire():
            place = path.removesuffix(".lock")
            shutil.rmtree(place, ignore_errors=True)
            start = FileLock(place + ".start")
            if start.acquire():
                start.release(remove=True)
            lock.release(remove=True)

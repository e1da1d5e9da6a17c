"""Entry point for `python -I -S .../keeper`: step out of the starter's process tree, then run the keeper."""

import importlib
import os
import sys


def detach() -> None:
    """Continue in a grandchild of the starter, so that it has no child to reap, without its outputs."""
    if os.fork():
        os._exit(0)
    quiet = os.open(os.devnull, os.O_RDWR)
    os.dup2(quiet, 1)
    os.dup2(quiet, 2)
    os.close(quiet)


def run() -> None:
    """Load this directory as the package `keeper`, without the packages that contain it, and run it."""
    # Python put this directory itself on the path, where its modules could hide some of the standard library.
    here = os.path.dirname(os.path.abspath(__file__))
    sys.path.remove(sys.path[0])
    sys.path.append(os.path.dirname(here))
    importlib.import_module("keeper.main").main()


if __name__ == "__main__":
    detach()
    run()

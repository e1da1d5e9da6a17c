"""Gives each notebook, while the site is built, a Redis of its own and nothing of the user's settings."""

from __future__ import annotations

import os
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rapyer_nb.server import start_embedded

if TYPE_CHECKING:
    from sphinx.application import Sphinx

_COURSE = "tutorials/"

_QUIET = "c.IPKernelApp.log_level = 40\n"  # errors alone: each kernel else warns that it uses TCP

_needed = ExitStack()
"""What the notebook that is read now needs, in this process: pages are read by several at a time."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("source-read", _begin)
    app.connect("doctree-read", lambda app, document: _needed.close())
    app.connect("build-finished", lambda app, failure: _needed.close())
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _begin(app: Sphinx, name: str, source: list[str]) -> None:
    _needed.close()
    if app.config.nb_execution_mode == "off" or not name.startswith(_COURSE):
        return
    server = _needed.enter_context(start_embedded(shared=False))
    settings = Path(_needed.enter_context(tempfile.TemporaryDirectory()))
    (settings / "profile_default").mkdir()
    (settings / "profile_default" / "ipython_kernel_config.py").write_text(_QUIET)
    os.environ["RAPYER_REDIS_URL"] = server.url
    os.environ["IPYTHONDIR"] = str(settings)
    os.environ["JUPYTER_PREFER_ENV_PATH"] = "1"  # the kernel of this environment, not one of the user's

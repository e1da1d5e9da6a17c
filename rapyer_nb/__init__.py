"""A notebook toolkit for live Redis data: `%load_ext rapyer_nb`.

Each magic has its equal in Python: `rapyer_nb.connect`, `await rapyer_nb.find`; `rapyer_nb.edit` makes a form
for a model that stays in step with Redis.

The names are imported when they are first used: the pytest plugin and the command line live in this package
too, and need neither IPython nor the widgets.
"""

from __future__ import annotations

import importlib
import importlib.metadata
from typing import TYPE_CHECKING, Any

from rapyer_nb.origin import check_origin

if TYPE_CHECKING:
    from rapyer_nb.api import connect, find
    from rapyer_nb.extension import load_ipython_extension, unload_ipython_extension
    from rapyer_nb.widgets import edit

__all__ = ("connect", "edit", "find", "load_ipython_extension", "unload_ipython_extension")
__version__ = importlib.metadata.version("rapyer-nb")

check_origin()

_HOMES = {
    "connect": "rapyer_nb.api",
    "edit": "rapyer_nb.widgets",
    "find": "rapyer_nb.api",
    "load_ipython_extension": "rapyer_nb.extension",
    "unload_ipython_extension": "rapyer_nb.extension",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

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
    from rapyer_nb.api.connections import connect, connections, disconnect, using
    from rapyer_nb.api.finding import count, explain, find, live_table
    from rapyer_nb.api.helping import help
    from rapyer_nb.api.learning import race, trace
    from rapyer_nb.api.objects import delete, edit, get, lock, save, ttl
    from rapyer_nb.api.pipelines import pipeline
    from rapyer_nb.api.plotting import plot
    from rapyer_nb.api.seeing import diagnose, index, info, keys, memory, models, schema, watch
    from rapyer_nb.api.snapshots import diff, restore, snapshot
    from rapyer_nb.api.tables import browse, table
    from rapyer_nb.extension import load_ipython_extension, unload_ipython_extension
    from rapyer_nb.widgets import counter, field, new, timeline

__all__ = (
    "browse",
    "connect",
    "connections",
    "count",
    "counter",
    "delete",
    "diagnose",
    "diff",
    "disconnect",
    "edit",
    "explain",
    "field",
    "find",
    "get",
    "help",
    "index",
    "info",
    "keys",
    "live_table",
    "load_ipython_extension",
    "lock",
    "memory",
    "models",
    "new",
    "pipeline",
    "plot",
    "race",
    "restore",
    "save",
    "schema",
    "snapshot",
    "table",
    "timeline",
    "trace",
    "ttl",
    "unload_ipython_extension",
    "using",
    "watch",
)
__version__ = importlib.metadata.version("rapyer-nb")

check_origin()

_HOMES = {
    "browse": "rapyer_nb.api.tables",
    "connect": "rapyer_nb.api.connections",
    "connections": "rapyer_nb.api.connections",
    "count": "rapyer_nb.api.finding",
    "counter": "rapyer_nb.widgets",
    "delete": "rapyer_nb.api.objects",
    "diagnose": "rapyer_nb.api.seeing",
    "diff": "rapyer_nb.api.snapshots",
    "disconnect": "rapyer_nb.api.connections",
    "edit": "rapyer_nb.api.objects",
    "explain": "rapyer_nb.api.finding",
    "field": "rapyer_nb.widgets",
    "find": "rapyer_nb.api.finding",
    "get": "rapyer_nb.api.objects",
    "help": "rapyer_nb.api.helping",
    "index": "rapyer_nb.api.seeing",
    "info": "rapyer_nb.api.seeing",
    "keys": "rapyer_nb.api.seeing",
    "live_table": "rapyer_nb.api.finding",
    "load_ipython_extension": "rapyer_nb.extension",
    "lock": "rapyer_nb.api.objects",
    "memory": "rapyer_nb.api.seeing",
    "models": "rapyer_nb.api.seeing",
    "new": "rapyer_nb.widgets",
    "pipeline": "rapyer_nb.api.pipelines",
    "plot": "rapyer_nb.api.plotting",
    "race": "rapyer_nb.api.learning",
    "restore": "rapyer_nb.api.snapshots",
    "save": "rapyer_nb.api.objects",
    "schema": "rapyer_nb.api.seeing",
    "snapshot": "rapyer_nb.api.snapshots",
    "table": "rapyer_nb.api.tables",
    "timeline": "rapyer_nb.widgets",
    "trace": "rapyer_nb.api.learning",
    "ttl": "rapyer_nb.api.objects",
    "unload_ipython_extension": "rapyer_nb.extension",
    "using": "rapyer_nb.api.connections",
    "watch": "rapyer_nb.api.seeing",
}


def __getattr__(name: str) -> Any:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})

"""`%rapyer_browse`: from the model classes to their objects, and to the form of one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer import find_redis_models
from rapyer.actions import acting
from rapyer.commands.companion import main_of
from rapyer.finding import load_by_keys
from rapyer.model.registry import registry
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.magics.tables import PAGE_SIZE, FilterAsker
from rapyer_nb.seeing import overview
from rapyer_nb.seeing.keyspace import owner_of, scanned
from rapyer_nb.seeing.overview import indexed_fields
from rapyer_nb.views.results import ResultList
from rapyer_nb.widgets import ModelRow, show_browser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer import AtomicRedisModel
    from rapyer.session.clients import ClientSource
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.widgets import Asker, Browser


class BrowseMagic(AsyncMagic):
    """Browse what is stored: the model classes, the objects of one, the form of one object.

    The objects are a live table, as `rapyer_nb.table` makes it; those of a class without an index are listed
    by their keys. Python: `rapyer_nb.browse()`.

    Examples::

        %rapyer_browse
        %rapyer_browse --alias staging
    """

    name = "rapyer_browse"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments: there are none."""

    async def run(self, call: Call) -> Browser:
        """Make the widget."""
        __tracebackhide__ = True
        return browse(call.surroundings.state.source)


class KeyAsker:
    """Finds the objects of a class by a pattern of their keys: nothing is read that is not shown.

    Attributes:
        model: The class.
        text: The pattern in use.
        counts: Whether all keys that match were seen.
    """

    label = "Keys"
    sorts = False

    def __init__(self, model: type[AtomicRedisModel]) -> None:
        """Begin with all keys of a class."""
        self.model = model
        self.text = ""
        self.counts = True
        self._prefix = f"{model.class_key_initials()}:"
        self.placeholder = f"a pattern, such as {self._prefix}a*"

    def ask_for(self, text: str) -> None:
        """Use another pattern: a glob, or what keys begin with, with or without the name of the class."""
        self.text = text.strip()

    @property
    def _pattern(self) -> str:
        wanted = self.text.removeprefix(self._prefix)
        is_glob = any(sign in wanted for sign in "*?[")
        return self._prefix + (wanted if is_glob else f"{wanted}*")

    async def page(self, sort: Sequence[str], offset: int, limit: int) -> ResultList[Any]:
        """Look for keys until there are enough (SCAN), and read those of the page (JSON.MGET)."""
        source, model = registry.source_for(self.model), self.model

        def keeps(key: str) -> bool:
            return main_of(key) is None and owner_of(key, source) is model

        stop = offset + limit
        keys = await scanned(source, self._pattern, stop + 1, keeps=keeps)
        self.counts = len(keys) <= stop
        with acting():  # looking starts no time to live anew
            loaded = await load_by_keys(model, source, keys[offset:stop], skip_missing=True)
        return ResultList(
            loaded.models,
            total=min(len(keys), stop),
            skipped=loaded.skipped,
            model_name=model.__name__,
            model=model,
            offset=offset,
        )


class _Guide:
    """Knows the classes that the library knows."""

    def models(self) -> list[type[AtomicRedisModel]]:
        """Return all classes that are known."""
        return list(find_redis_models())

    async def count(self) -> list[ModelRow]:
        """Look at all classes (FT.INFO, FT._LIST; SCAN for those without an index that is up to date)."""
        found = await overview(self.models())
        return [ModelRow(row.model, row.documents, row.index, row.indexed) for row in found]

    def asker(self, model: type[AtomicRedisModel]) -> Asker:
        """Return what finds objects by a filter, or without any index by keys."""
        return FilterAsker(model) if indexed_fields(model) else KeyAsker(model)


def browse(source: ClientSource) -> Browser:
    """Return a widget to browse a server; see `rapyer_nb.browse`."""
    return show_browser(source, _Guide(), PAGE_SIZE)

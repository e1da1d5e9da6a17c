"""A table of what a search gives, which keeps in step with Redis."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.model.registry import registry
from rapyer.session.using import using
from rapyer.watching.listening import Listener
from rapyer_nb.live import feed_for
from rapyer_nb.widgets.following import following
from rapyer_nb.widgets.live_view import LiveView

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rapyer import AtomicRedisModel
    from rapyer_nb.live import Watch
    from rapyer_nb.views.results import ResultList


class LiveTable(LiveView):
    """What a search gives at this moment; it searches again when a document of the class has changed.

    Attributes:
        found: What the last search gave: the models, with `total`.
        searches: How many searches there have been.
    """

    looks = "search"

    def __init__(
        self,
        model: type[AtomicRedisModel],
        search: Callable[[], Awaitable[ResultList[Any]]],
        first: ResultList[Any],
        about: str,
    ) -> None:
        """Show what was found, and start to follow the class; needs a running event loop.

        Args:
            model: The class.
            search: Searches once more; it must not start a time to live anew, which would be a change.
            first: What was found before.
            about: What is searched for, for the heading.
        """
        self.model = model
        self.found = first
        self.searches = 1
        self._source = registry.source_for(model)
        self._search = search
        self._listener = Listener([model], {})
        place = (model.__name__, about, self._source)
        super().__init__(place, model.__name__, about, self.rendered(first))

    def watch(self) -> tuple[Watch, ...]:
        """Listen to all keys of the class, and to those beside them."""
        with using(self._source):  # whatever the class is bound to by now
            watches = self._listener.watch(self._heard, self.feed_changed)
        state = feed_for(self._source).state
        if state.status in ("live", "polling"):
            self._enter(state.status, state.reason)
        return watches

    def _heard(self) -> None:
        self._listener.take()  # which documents they are does not matter: the search tells
        self.refresh()

    def rendered(self, found: ResultList[Any]) -> str:
        """Return how what was found looks, as HTML; for one that shows it in another way, empty."""
        return found.view().html()

    async def look(self) -> None:
        """Search again."""
        with using(self._source):
            found = await self._search()
        found.display_limit = self.found.display_limit
        self.found = found
        self.searches += 1
        self.show(self.rendered(found))

    def text(self) -> str:
        """Return what it shows at this moment, as text."""
        return self.found.view().text()


def follow_search(
    model: type[AtomicRedisModel],
    search: Callable[[], Awaitable[ResultList[Any]]],
    first: ResultList[Any],
    about: str,
) -> LiveTable:
    """Return a table that follows Redis, and is closed with the others; see `LiveTable`."""
    table = LiveTable(model, search, first, about)
    following.add(table)
    return table

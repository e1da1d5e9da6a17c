"""`%rapyer_connect`: choose the server, or see which one it is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from rapyer_nb.errors import NotebookError
from rapyer_nb.magics.arguments import plain
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.state import NotebookSource
from rapyer_nb.views.connection import Connection

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.state import NotebookState, ServerFacts

_NEEDED: Final = {"JSON": frozenset({"rejson", "json"}), "Search": frozenset({"search", "searchlight"})}


class ConnectMagic(AsyncMagic):
    """Connect the notebook's models to a Redis server, or show which one they use.

    Without this, the first command connects to the server in RAPYER_REDIS_URL, else in REDIS_URL, else to the
    embedded server of the project. The server is asked at once whether it answers; if it does not, the
    connection stays as it was. Passwords are never shown: keep them out of the notebook as well, by taking
    the URL from a variable or the environment.

    Examples::

        %rapyer_connect
        %rapyer_connect redis://localhost:6379/0
        %rapyer_connect $url
        %rapyer_connect --embedded
    """

    name = "rapyer_connect"
    kind = "line"

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument("url", metavar="URL", nargs="?", help="redis://…, rediss://… or unix://…")
        arguments.add_argument(
            "--embedded", action="store_true", help="use the embedded server of the project"
        )

    async def run(self, call: Call) -> Connection:
        """Connect if a server is given; return the connection."""
        __tracebackhide__ = True
        state = call.surroundings.state
        url = None if call.options.url is None else plain(call.options.url, call.variables)
        source = _wanted(state, url, embedded=call.options.embedded)
        if not isinstance(source, NotebookSource):
            return described(source)
        # A server that does not answer must not stop the loop, on which widgets live, for that long.
        facts = await asyncio.to_thread(source.open) if url is not None else source.open()
        if source is not state.source:
            await state.use(source).aclose()
        return described(source, facts)


def connect(
    state: NotebookState, url: str | None = None, *, embedded: bool = False
) -> tuple[Connection, ClientSource | None]:
    """Connect the notebook's models to a server, or look which one they use; blocks until it has answered.

    Args:
        state: The notebook's connection.
        url: The URL of the server.
        embedded: Whether to use the embedded server.

    Returns:
        The connection, and the source that was used before and is to be closed, if it changed.

    Raises:
        NotebookError: The server does not answer, or the URL is none; the connection stays as it was.
    """
    source = _wanted(state, url, embedded=embedded)
    if not isinstance(source, NotebookSource):
        return described(source), None
    facts = source.open()
    before = None if source is state.source else state.use(source)
    return described(source, facts), before


def described(source: ClientSource, facts: ServerFacts | None = None) -> Connection:
    """Return a connection as it is shown."""
    target = source.target if isinstance(source, NotebookSource) else None
    origin = "init_rapyer" if target is None else target.origin
    if facts is None:
        return Connection(source.describe(), origin)
    modules = facts.modules
    missing = () if modules is None else tuple(name for name, names in _NEEDED.items() if not names & modules)
    return Connection(source.describe(), origin, facts.version, missing)


def _wanted(state: NotebookState, url: str | None, *, embedded: bool) -> ClientSource:
    if url is not None and embedded:
        raise NotebookError("%rapyer_connect: a URL and --embedded exclude each other", hint="leave one out")
    if url is None and not embedded:
        return state.source
    return state.new_source(url, embedded=embedded)

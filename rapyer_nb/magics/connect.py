"""`%rapyer_connect`: choose the server, hold several, or see which ones there are."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from rapyer.config import checked_ttl
from rapyer_nb.errors import NotebookError
from rapyer_nb.magics.arguments import plain, positive
from rapyer_nb.magics.magic import AsyncMagic
from rapyer_nb.settings import NAME, PROGRAM
from rapyer_nb.sources import CONNECT, NotebookSource
from rapyer_nb.state import DEFAULT, checked_name
from rapyer_nb.views.connection import Connection, Connections

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource
    from rapyer_nb.magics.arguments import MagicLine
    from rapyer_nb.magics.magic import Call
    from rapyer_nb.sources import ServerFacts
    from rapyer_nb.state import Held, NotebookState

_NEEDED: Final = {"JSON": frozenset({"rejson", "json"}), "Search": frozenset({"search", "searchlight"})}
_SAVED: Final = "the password is saved with this cell: take the URL from a variable ($url) or the environment"
_UNNAMED: Final = (DEFAULT, PROGRAM)


@dataclass(frozen=True)
class Wish:
    """What connection is asked for.

    Args:
        server: A URL, or the name of a connection that is held.
        embedded: Whether it is the embedded server.
        alias: What to call the new connection; alone, the name of one that is held.
        ttl: Seconds after which what is stored there expires, of models without a time to live; 0 for never.
        literal: Whether the text of `server` may be shown: it stands in the cell as it is.
    """

    server: str | None = field(default=None, repr=False)
    embedded: bool = False
    alias: str | None = None
    ttl: int | None = None
    literal: bool = False

    def __post_init__(self) -> None:
        """Refuse what is no time to live, before anything is connected or changed.

        Raises:
            NotebookError: It is none.
        """
        if self.ttl is None or (type(self.ttl) is int and self.ttl == 0):
            return
        try:
            checked_ttl(self.ttl)
        except ValueError as error:
            raise NotebookError(str(error), hint="'off', in Python 0, lets nothing expire") from None

    @property
    def is_url(self) -> bool:
        """Whether a URL is given."""
        return self.server is not None and "://" in self.server

    @property
    def shows_password(self) -> bool:
        """Whether there is a password in the cell, to be saved with it."""
        if not self.literal or self.server is None:
            return False
        parts = urlsplit(self.server)
        return parts.password is not None or "password=" in parts.query


class ConnectMagic(AsyncMagic):
    """Connect the notebook's models to a Redis server, or show which one they use.

    Without this, the first command connects to the server in RAPYER_REDIS_URL, else in REDIS_URL, else in the
    project's pyproject.toml (`[tool.rapyer_nb] url`), else to the embedded server of the project. The server
    is asked at once whether it answers; if it does not, the connection stays as it was.

    Several connections can be held: `--alias` gives a new one a name, by which one comes back to it, and
    which every other magic takes as `--alias NAME` to go there once. One without a name is called `default`.
    A new one takes the place of the one of its name. More can stand in `[tool.rapyer_nb.connections]`.
    Models do not remember where they were found: save them with the same `--alias`, or in the block of
    `with rapyer_nb.using(NAME):`.

    Passwords are never shown: keep them out of the notebook as well, by taking the URL from a variable or the
    environment. Python: `rapyer_nb.connect(url, alias="staging")`; `rapyer_nb.connections()` lists them,
    `rapyer_nb.disconnect("staging")` closes one.

    Examples::

        %rapyer_connect
        %rapyer_connect redis://localhost:6379/0
        %rapyer_connect $url --alias staging
        %rapyer_connect --embedded --alias scratch --ttl 3600
        %rapyer_connect default
        %rapyer_connect --list
        %rapyer_connect --close staging
    """

    name = "rapyer_connect"
    kind = "line"
    takes_alias = False

    def declare(self, arguments: MagicLine) -> None:
        """Add the magic's arguments."""
        arguments.add_argument(
            "server",
            metavar="URL|NAME",
            holds="CONNECTION",
            nargs="?",
            help="redis://…, rediss://… or unix://…, or the name of a connection",
        )
        arguments.add_argument(
            "--embedded", action="store_true", help="use the embedded server of the project"
        )
        arguments.add_argument(
            "--alias",
            metavar="NAME",
            holds="CONNECTION",
            help="what to call the new connection; alone: the one to use",
        )
        arguments.add_argument(
            "--ttl",
            type=_lifetime,
            metavar="SECONDS",
            help="what is stored there expires after so long, of models without a time to live; or 'off'",
        )
        arguments.add_argument("--list", action="store_true", help="show the connections; nothing is sent")
        arguments.add_argument(
            "--close",
            metavar="NAME",
            holds="CONNECTION",
            help="close a connection; models that used it use default",
        )

    async def run(self, call: Call) -> Connection | Connections:
        """Connect if a server is given, or list or close; return what there is then."""
        __tracebackhide__ = True
        options, state = call.options, call.surroundings.state
        server = None if options.server is None else plain(options.server, call.variables)
        wish = Wish(server, options.embedded, options.alias, options.ttl, server == options.server)
        if options.list or options.close:
            if wish != Wish(literal=wish.literal) or (options.list and options.close):
                raise _excluded("--list, --close", "a server")
            if options.close:
                await state.drop(options.close).aclose()
            return listed(state)
        source = _wanted(state, wish)
        facts = await _opened(source or state.source, in_thread=server is not None)
        replaced = _use(state, source, wish)
        if replaced is not None:
            await replaced.aclose()
        return described(state, facts, warning=_SAVED if wish.shows_password else "")


def connect(state: NotebookState, wish: Wish) -> tuple[Connection, ClientSource | None]:
    """Connect the notebook's models to a server, or look which one they use; blocks until it has answered.

    Args:
        state: The notebook's connections.
        wish: What is asked for.

    Returns:
        The connection, and the source that it took the place of and that is to be closed, if there is one.

    Raises:
        NotebookError: The server does not answer, or it is neither URL nor name; nothing changes then.
    """
    source = _wanted(state, wish)
    opened = source or state.source
    facts = opened.open() if isinstance(opened, NotebookSource) else None
    replaced = _use(state, source, wish)
    return described(state, facts), replaced


def described(state: NotebookState, facts: ServerFacts | None = None, *, warning: str = "") -> Connection:
    """Return the connection in use, as it is shown."""
    source = state.source
    name = next((held.name for held in state.connections if held.source == source), "")
    modules = None if facts is None else facts.modules
    return Connection(
        source.describe(),
        source.origin if isinstance(source, NotebookSource) else PROGRAM,
        "" if facts is None else facts.version,
        () if modules is None else tuple(word for word, names in _NEEDED.items() if not names & modules),
        name="" if name in _UNNAMED else name,
        ttl=source.ttl,
        warning=warning,
    )


def listed(state: NotebookState) -> Connections:
    """Return the connections that a notebook holds; nothing is sent."""
    return Connections(tuple(_row(held) for held in state.connections))


def _row(held: Held) -> Connection:
    source = held.source
    unused = isinstance(source, NotebookSource) and not source.is_open
    address = "not connected yet" if unused else source.describe()
    return Connection(address, held.origin, name=held.name, ttl=source.ttl, in_use=held.in_use)


def _wanted(state: NotebookState, wish: Wish) -> ClientSource | None:
    """Return the source that is asked for, a new one or one that is held; `None` where none is asked for."""
    if wish.server is not None and wish.embedded:
        raise _excluded("a URL", "--embedded")
    if wish.embedded or wish.is_url:
        if wish.alias is not None:
            checked_name(wish.alias)
        return state.new_source(wish.server, embedded=wish.embedded, ttl=wish.ttl or None)
    if wish.server is None:
        return None if wish.alias is None else state.named(wish.alias)
    if wish.alias is not None:
        raise _excluded("the name of a connection", "--alias")
    names = [held.name for held in state.connections]
    if wish.server in names or (wish.literal and NAME.fullmatch(wish.server)):
        return state.named(wish.server)
    raise NotebookError(
        f"what {CONNECT} gives is neither a Redis URL nor the name of a connection",
        hint=f"redis://localhost:6379/0 is a URL; the connections are {', '.join(names)}",
    )


async def _opened(source: ClientSource, *, in_thread: bool) -> ServerFacts | None:
    if not isinstance(source, NotebookSource):
        return None
    # A server that does not answer must not stop the loop, on which widgets live, for that long.
    return await asyncio.to_thread(source.open) if in_thread or source.is_open else source.open()


def _use(state: NotebookState, source: ClientSource | None, wish: Wish) -> ClientSource | None:
    replaced = None if source is None else state.use(source, wish.alias)
    if wish.ttl is not None:
        (source or state.source).ttl = wish.ttl or None
    return replaced


def _excluded(one: str, other: str) -> NotebookError:
    return NotebookError(f"{CONNECT}: {one} and {other} exclude each other", hint="leave one out")


def _lifetime(text: str) -> int:
    return 0 if text == "off" else positive(text)

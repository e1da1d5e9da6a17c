"""What a notebook is connected to, and how that was chosen.

Nothing happens until the first command: then an address is chosen (the one given to `%rapyer_connect`, else
`RAPYER_REDIS_URL`, else `REDIS_URL`, else the project's `pyproject.toml`, else the embedded server of the
project) and the server is asked, once, whether it answers, so that a wrong address shows as one clear line at
the first use instead of as a traceback out of the client.

Several connections can be held, each under a name. One of them is in use: the library's registry is bound to
it. A magic with `--alias` goes to another one for as long as it runs.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rapyer.model.registry import registry
from rapyer.session.using import using
from rapyer_nb.errors import NotebookError, suggestion
from rapyer_nb.server import EmbeddedServer, EmbeddedServerError, start_embedded
from rapyer_nb.settings import FILE, NAME, PROGRAM, Settings, resolved
from rapyer_nb.sources import CONNECT, EMBEDDED, NotebookSource, Target

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from rapyer.session.clients import ClientSource

URL_VARIABLES: Final = ("RAPYER_REDIS_URL", "REDIS_URL")
DEFAULT: Final = "default"
"""The name of the connection that was given none."""


@dataclass(frozen=True)
class Held:
    """A connection that the notebook holds.

    Args:
        name: Its name.
        source: Where it leads.
        in_use: Whether models use it now.
    """

    name: str
    source: ClientSource
    in_use: bool

    @property
    def origin(self) -> str:
        """How it was chosen."""
        return self.source.origin if isinstance(self.source, NotebookSource) else PROGRAM


class NotebookState:
    """The connections of one notebook: binds the models to one, and gives everything back in the end.

    Args:
        settings: What the project says of connections.
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self._server: EmbeddedServer | None = None
        self._before: dict[str, Any] = {
            "source": registry.source,
            "auto_index": registry.auto_index,
            "bound": registry.bound,
            "allow_redefinition": registry.allow_redefinition,
        }
        self._own = self._initial(DEFAULT)
        self._held: dict[str, ClientSource] = {DEFAULT: self._own}
        for name in self.settings.connections:
            self._held.setdefault(name, self._initial(name))
        registry.allow_redefinition = True
        # A program that has called init_rapyer has chosen its server already.
        registry.bind(registry.source if registry.bound else self._own, auto_index=True)

    @property
    def source(self) -> ClientSource:
        """Where the commands of the running task go: what `--alias` names, else the connection in use."""
        return registry.source_in_use

    @property
    def connections(self) -> tuple[Held, ...]:
        """All connections that the notebook holds, by name; nothing is asked of the servers."""
        self._adopt()
        return tuple(Held(name, one, one == registry.source) for name, one in self._held.items())

    def new_source(
        self, url: str | None, *, embedded: bool = False, ttl: int | None = None
    ) -> NotebookSource:
        """Return a source that is not used yet: for a URL, for the embedded server, or the automatic choice.

        Args:
            url: The URL of a server.
            embedded: Whether to use the embedded server, whatever the environment says.
            ttl: Seconds after which what is stored there expires, of models that have no time to live.
        """
        if embedded:
            return NotebookSource(self._embedded, ttl=ttl, origin=EMBEDDED)
        if url is not None:
            return NotebookSource(lambda: Target(url, CONNECT), ttl=ttl, origin=CONNECT)
        return NotebookSource(self._automatic, ttl=ttl)

    def named(self, name: str) -> ClientSource:
        """Return the connection of a name.

        Raises:
            NotebookError: There is none.
        """
        self._adopt()
        found = self._held.get(name)
        if found is not None:
            return found
        known = ", ".join(self._held)
        if not NAME.fullmatch(name):  # it may be a URL, or a password
            raise NotebookError("there is no connection of that name", hint=f"there are {known}")
        hint = suggestion(name, self._held, otherwise=f"there are {known}; {CONNECT} URL --alias {name}")
        raise NotebookError(f"there is no connection called {name!r}", hint=hint)

    def using(self, name: str | None) -> AbstractContextManager[None]:
        """Return what lets the running task use the connection of a name; `None` changes nothing.

        Models whose `Meta` names a connection keep it.

        Raises:
            NotebookError: There is no connection of that name.
        """
        return nullcontext() if name is None else using(self.named(name))

    def use(self, source: ClientSource, name: str | None = None) -> ClientSource | None:
        """Bind the notebook's models to a source, and hold it under a name.

        Args:
            source: A new source, or one that is held already.
            name: The name of a new one; by default `default`.

        Returns:
            The source that had the name before, which is to be closed; `None` where there is none.

        Raises:
            NotebookError: A connection cannot have that name.
        """
        self._adopt()
        before = None
        if source not in self._held.values():
            name = checked_name(name or DEFAULT)
            before, self._held[name] = self._held.get(name), source
        self._bind(source)
        return before

    def drop(self, name: str) -> ClientSource:
        """Hold the connection of a name no longer; models that used it use `default`, which is then new.

        Returns:
            The source, which is to be closed.

        Raises:
            NotebookError: There is no connection of that name.
        """
        source = self.named(name)
        if name == DEFAULT or name in self.settings.connections:
            self._held[name] = self._initial(name)
        else:
            del self._held[name]
        if source == registry.source:
            self._bind(self._held[DEFAULT])
        return source

    def rebind(self) -> None:
        """Bind the models again where `teardown_rapyer` has taken their connection away."""
        if not registry.bound:
            registry.bind(self._own, auto_index=True)

    def hold(self, server: EmbeddedServer | None) -> None:
        """Keep an embedded server running as long as this notebook is connected."""
        if server is not None:
            self._server = server

    def release(self) -> tuple[tuple[ClientSource, ...], EmbeddedServer | None]:
        """Undo what the notebook did to the library.

        Returns:
            The sources whose clients are to be closed, and the server to give up, which may be handed to
            another state instead.
        """
        registry.allow_redefinition = self._before["allow_redefinition"]
        held = tuple(source for name, source in self._held.items() if name != PROGRAM)
        if registry.source in (*held, self._before["source"]):
            registry.bind(self._before["source"], auto_index=self._before["auto_index"])
            registry.bound = self._before["bound"]
        server, self._server = self._server, None
        return held, server

    def _adopt(self) -> None:
        """Hold what the program has connected to itself, so that one can come back to it."""
        if registry.bound and registry.source not in self._held.values():
            self._held[PROGRAM] = registry.source

    def _bind(self, source: ClientSource) -> None:
        if isinstance(source, NotebookSource):
            self._own = source
        registry.bind(source, auto_index=True)

    def _initial(self, name: str) -> NotebookSource:
        """Return the connection that a name stands for before the user says anything."""
        ttl = self.settings.ttl if name == DEFAULT else None
        url = self.settings.connections.get(name)
        if url is None:
            return self.new_source(None, ttl=ttl)
        origin = f"{FILE} ({name})"
        return NotebookSource(lambda: Target(resolved(url, origin), origin), ttl=ttl, origin=origin)

    def _automatic(self) -> Target:
        for variable in URL_VARIABLES:
            if url := os.environ.get(variable):
                return Target(url, variable)
        if self.settings.url:
            return Target(resolved(self.settings.url, FILE), FILE)
        return self._embedded(f"{' and '.join(URL_VARIABLES)} are not set, and ")

    def _embedded(self, because: str = "") -> Target:
        server = self._server
        if server is None or not server.alive:
            try:
                server = start_embedded()
            except EmbeddedServerError as error:
                raise NotebookError(
                    f"no Redis to connect to: {because}{error}", hint="set REDIS_URL, or %rapyer_connect URL"
                ) from error
            if self._server is not None:
                self._server.close()
            self._server = server
        return Target(server.url, EMBEDDED)


def checked_name(name: str) -> str:
    """Return a name for a connection.

    Raises:
        NotebookError: A connection cannot have that name, which is not shown: it may be a URL.
    """
    if name == PROGRAM:
        raise NotebookError(f"the name {PROGRAM} is kept for the connection that {PROGRAM}() makes")
    if not NAME.fullmatch(name):
        raise NotebookError(
            "the name of a connection is letters, digits, '_', '-' and '.', and begins with a letter",
            hint=f"{CONNECT} URL --alias staging",
        )
    return name

"""What a notebook is connected to, and how that was chosen.

Nothing happens until the first command: then an address is chosen (the one given to `%rapyer_connect`, else
`RAPYER_REDIS_URL`, else `REDIS_URL`, else the embedded server of the project) and the server is asked, once,
whether it answers, so that a wrong address shows as one clear line at the first use instead of as a
traceback out of the client.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import urlsplit

from redis import Redis as BlockingRedis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource, mask_url
from rapyer_nb.errors import NotebookError
from rapyer_nb.server import EmbeddedServer, EmbeddedServerError, start_embedded

if TYPE_CHECKING:
    from redis.asyncio import Redis

URL_VARIABLES: Final = ("RAPYER_REDIS_URL", "REDIS_URL")
EMBEDDED: Final = "the embedded server"
_PATIENCE_SECONDS: Final = 3.0
_URL_FORM: Final = "the form is redis://user:password@host:port/db, with rediss:// for TLS, or unix:///path"


@dataclass(frozen=True)
class Target:
    """A server to connect to.

    Args:
        url: Its URL, with the password.
        origin: Where that comes from: an environment variable, `%rapyer_connect`, the embedded server.
    """

    url: str
    origin: str

    @property
    def address(self) -> str:
        """The URL without the password."""
        return mask_url(self.url)

    def __repr__(self) -> str:
        return f"<Target {self.address} from {self.origin}>"


@dataclass(frozen=True)
class ServerFacts:
    """What a server said of itself.

    Args:
        version: The version of Redis.
        modules: The names of its modules in lower case; `None` where the user may not ask for them.
    """

    version: str
    modules: frozenset[str] | None


Choose: TypeAlias = Callable[[], Target]


class NotebookSource(ClientSource):
    """A place to send commands to, which is chosen and tried when the first command is sent.

    Args:
        choose: Returns where to connect; called once, unless the server does not answer.
    """

    def __init__(self, choose: Choose) -> None:
        super().__init__(self.client, self.describe)
        self._choose = choose
        self._opening = threading.Lock()
        self._opened: tuple[Target, ClientSource] | None = None

    @property
    def target(self) -> Target | None:
        """The server chosen, once it has been."""
        return None if self._opened is None else self._opened[0]

    def open(self) -> ServerFacts:
        """Choose the server if that was not done yet, and ask it for its version.

        Blocks; sends INFO and MODULE LIST over a connection of its own.

        Raises:
            NotebookError: There is no server to choose, or it does not answer.
        """
        with self._opening:
            target = self._choose() if self._opened is None else self._opened[0]
            facts = _facts(target)
            if self._opened is None:
                self._opened = (target, ClientSource.from_url(target.url))
        return facts

    def client(self) -> Redis:
        """Return the client of the running event loop; the first call blocks until a server has answered."""
        if self._opened is None:
            self.open()
        assert self._opened is not None  # noqa: S101 - open() has set it or raised
        return self._opened[1].client()

    def describe(self) -> str:
        """Return the server's address, without any password."""
        return "a server chosen at the first command" if self._opened is None else self._opened[0].address

    async def aclose(self) -> None:
        """Close the client of the running loop and forget the others."""
        if self._opened is not None:
            await self._opened[1].aclose()


class NotebookState:
    """The connection of one notebook: binds the models to it, and gives everything back in the end."""

    def __init__(self) -> None:
        self._server: EmbeddedServer | None = None
        self._before: dict[str, Any] = {
            "source": registry.source,
            "auto_index": registry.auto_index,
            "bound": registry.bound,
            "allow_redefinition": registry.allow_redefinition,
        }
        self._own = NotebookSource(self._automatic)
        registry.allow_redefinition = True
        # A program that has called init_rapyer has chosen its server already.
        registry.bind(registry.source if registry.bound else self._own, auto_index=True)

    @property
    def source(self) -> ClientSource:
        """What the notebook's models use now."""
        return registry.source

    def new_source(self, url: str | None, *, embedded: bool = False) -> NotebookSource:
        """Return a source that is not used yet: for a URL, for the embedded server, or the automatic choice.

        Args:
            url: The URL of a server.
            embedded: Whether to use the embedded server, whatever the environment says.
        """
        if embedded:
            return NotebookSource(self._embedded)
        if url is not None:
            return NotebookSource(lambda: Target(url, "%rapyer_connect"))
        return NotebookSource(self._automatic)

    def use(self, source: ClientSource) -> ClientSource:
        """Bind the notebook's models to a source and return the one they used before."""
        before = registry.source
        if isinstance(source, NotebookSource):
            self._own = source
        registry.bind(source, auto_index=True)
        return before

    def rebind(self) -> None:
        """Bind the models again where `teardown_rapyer` has taken their connection away."""
        if not registry.bound:
            registry.bind(self._own, auto_index=True)

    def hold(self, server: EmbeddedServer | None) -> None:
        """Keep an embedded server running as long as this notebook is connected."""
        if server is not None:
            self._server = server

    def release(self) -> tuple[NotebookSource, EmbeddedServer | None]:
        """Undo what the notebook did to the library.

        Returns:
            The source whose clients are to be closed, and the server to give up, which may be handed to
            another state instead.
        """
        registry.allow_redefinition = self._before["allow_redefinition"]
        if registry.source in (self._own, self._before["source"]):
            registry.bind(self._before["source"], auto_index=self._before["auto_index"])
            registry.bound = self._before["bound"]
        server, self._server = self._server, None
        return self._own, server

    def _automatic(self) -> Target:
        for variable in URL_VARIABLES:
            if url := os.environ.get(variable):
                return Target(url, variable)
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


def _facts(target: Target) -> ServerFacts:
    try:
        options = {"socket_connect_timeout": _PATIENCE_SECONDS, "socket_timeout": _PATIENCE_SECONDS}
        client = BlockingRedis.from_url(target.url, decode_responses=True, protocol=2, **options)
    except ValueError:
        # Not chained, and without the URL: what cannot be parsed cannot be masked either.
        raise NotebookError(f"what {target.origin} gives is no Redis URL", hint=_URL_FORM) from None
    try:
        with client:
            return ServerFacts(_version(client), _modules(client))
    except (RedisError, OSError) as error:
        raise NotebookError(
            f"{target.address} (from {target.origin}) {_complaint(error, target)}", hint=_cure(target)
        ) from error


def _version(client: BlockingRedis) -> str:
    try:
        return str(client.info("server")["redis_version"])
    except (NoPermissionError, KeyError):
        return "of unknown version"


def _modules(client: BlockingRedis) -> frozenset[str] | None:
    try:
        listed: Any = client.module_list()
        return frozenset(str(module["name"]).lower() for module in listed)
    except (ResponseError, KeyError, TypeError):  # the user's rights may not cover it
        return None


def _complaint(error: Exception, target: Target) -> str:
    reason = " ".join(str(error).split()).rstrip(".")
    if password := urlsplit(target.url).password:
        reason = reason.replace(password, "***")
    if isinstance(error, (AuthenticationError, ResponseError)):
        return f"refuses the connection: {reason}"
    return f"cannot be reached: {reason}"


def _cure(target: Target) -> str:
    if target.origin in URL_VARIABLES:
        return f"start that server, change {target.origin}, or use %rapyer_connect --embedded"
    return "check the address, or use %rapyer_connect --embedded"

"""A server that a notebook can use: its address, without its password, and whether it answers.

Whatever is said of a server goes through `Target.address`. Errors about it are raised anew, and not chained
to those of redis-py, whose frames hold the URL and its parts: a traceback may show the values in its frames.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import unquote, urlsplit

from redis import Redis as BlockingRedis
from redis.exceptions import AuthenticationError, NoPermissionError, RedisError, ResponseError

from rapyer.session.clients import ClientSource, mask_url
from rapyer_nb.errors import NotebookError

if TYPE_CHECKING:
    from redis.asyncio import Redis

CONNECT: Final = "%rapyer_connect"
EMBEDDED: Final = "the embedded server"
_PATIENCE_SECONDS: Final = 3.0
_URL_FORM: Final = "the form is redis://user:password@host:port/db, with rediss:// for TLS, or unix:///path"
_SCHEMES: Final = ("redis", "rediss", "unix")
_QUOTING: Final = "in a password, write @ / ? # as %40 %2F %3F %23"


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
        ttl: Seconds after which what is stored there expires, of models that have no time to live.
        origin: Where the server will come from, as far as that is known before it is chosen.
    """

    def __init__(self, choose: Choose, *, ttl: int | None = None, origin: str = "") -> None:
        super().__init__(self.client, self.describe)
        self.ttl = ttl
        self._choose = choose
        self._origin = origin
        self._opening = threading.Lock()
        self._opened: tuple[Target, ClientSource] | None = None

    @property
    def origin(self) -> str:
        """Where the server comes from, or will come from."""
        return self._origin if self._opened is None else self._opened[0].origin

    @property
    def is_open(self) -> bool:
        """Whether the server was chosen and has answered once."""
        return self._opened is not None

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


def _facts(target: Target) -> ServerFacts:
    check_url(target)
    answer = _answer_of(target)
    if isinstance(answer, str):
        raise NotebookError(f"{target.address} (from {target.origin}) {answer}", hint=_cure(target))
    return answer


def check_url(target: Target) -> None:
    """Refuse a URL where a part of the password could be taken for the host, and so be shown.

    Raises:
        NotebookError: It is such a one, or no Redis URL at all; the URL is not shown, for what cannot be
            parsed cannot be masked either.
    """
    hint = _URL_FORM
    try:
        parts = urlsplit(target.url)
        socket = parts.scheme == "unix"
        # The path of a socket may have an @, unless a login went before it.
        rest = parts.query if socket and not parts.netloc else parts.path + parts.query
        if parts.fragment or "@" in rest or (socket and parts.netloc and "@" not in parts.netloc):
            hint = f"{_QUOTING}; {_URL_FORM}"
        elif parts.scheme in _SCHEMES and parts.port != 0:  # asking for a port that is no number raises
            return
    except ValueError:
        pass
    raise NotebookError(f"what {target.origin} gives is no Redis URL", hint=hint)


def _answer_of(target: Target) -> ServerFacts | str:
    """Return what the server says of itself, or why it does not."""
    try:
        options = {"socket_connect_timeout": _PATIENCE_SECONDS, "socket_timeout": _PATIENCE_SECONDS}
        with BlockingRedis.from_url(target.url, decode_responses=True, protocol=2, **options) as client:
            return ServerFacts(_version(client), _modules(client))
    except (ValueError, TypeError):
        return "has an option in its URL that Redis does not know"
    except (RedisError, OSError) as error:
        return _complaint(error, target)


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
        for form in (password, unquote(password)):
            reason = reason.replace(form, "***")
    if isinstance(error, (AuthenticationError, ResponseError)):
        return f"refuses the connection: {reason}"
    return f"cannot be reached: {reason}"


def _cure(target: Target) -> str:
    if target.origin in {CONNECT, EMBEDDED}:
        return f"check the address, or use {CONNECT} --embedded"
    return f"start that server, change {target.origin}, or use {CONNECT} --embedded"

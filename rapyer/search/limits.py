"""The limits of the server that would cut a result short without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.exceptions import ResponseError

from rapyer.commands import search
from rapyer.errors import PartialSearchError
from rapyer.session.executor import run

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource

_WANTED = {"MAXPREFIXEXPANSIONS": 2**62, "MINPREFIX": 1}
"""How many words that begin alike a query may stand for, and from how many characters on."""


async def lift(server: ClientSource) -> None:
    """Let a server look at all words that begin, end or are written alike (FT.CONFIG GET, FT.CONFIG SET).

    By default it looks at 200 of them, and at none for a single character.

    Raises:
        PartialSearchError: The server does not let this be changed.
    """
    for name, wanted in _WANTED.items():
        try:
            now = await run(server, search.setting(name))
            if now is None or (now < wanted if name.startswith("MAX") else now > wanted):
                await run(server, search.change_setting(name, wanted))
        except ResponseError as error:
            raise PartialSearchError(
                f"the server may leave matches out, as its {name} cannot be changed: {error}",
                hint=f"let its administrator set {name} to {wanted}, or compare by ==",
            ) from error

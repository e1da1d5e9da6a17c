"""Keys on the server, for completion: few, found within a moment, or none."""

from __future__ import annotations

import asyncio
import re
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from rapyer.commands.keys import glob_escape
from rapyer_nb.seeing.keyspace import scanned

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource

MOST: Final = 50
"""How many keys are looked for."""

PATIENCE: Final = 0.2
"""The seconds for which a completion may hold the notebook up."""

_LONGEST: Final = 120
_PLAIN: Final = re.compile(r"[^\s\"'$(){}\[\]]+")


class KeyLookup:
    """Looks for keys beside the notebook's own loop, which stands still while something is completed.

    The search runs in a thread with a loop and a client of its own, for as long as `PATIENCE`; what was found
    by then is the answer. While one search has not ended no other is begun.
    """

    def __init__(self) -> None:
        self._running: threading.Thread | None = None

    def keys(self, source: ClientSource, prefix: str) -> list[str]:
        """Return keys that begin with a text (SCAN), in order; none where no connection is open.

        A client that the program has made itself belongs to its own loop, and is not asked.

        Args:
            source: The server.
            prefix: The text.
        """
        busy = self._running is not None and self._running.is_alive()
        if busy or not source.is_open or source.given is not None:
            return []
        found: list[str] = []

        def keeps(key: str) -> bool:
            if _is_plain(key):
                found.append(key)
            return _is_plain(key)

        def look() -> None:
            search = scanned(source, f"{glob_escape(prefix)}*", MOST, keeps=keeps)
            # Not asyncio.run: where nest-asyncio has patched it, it leaves the loop and its client open.
            loop = asyncio.new_event_loop()
            try:
                # Whatever a server does, the user only typed a Tab; the next command will tell.
                with suppress(Exception):
                    loop.run_until_complete(asyncio.wait_for(search, PATIENCE))
                loop.run_until_complete(loop.shutdown_asyncgens())
            finally:
                loop.close()

        self._running = threading.Thread(target=look, name="rapyer-completion", daemon=True)
        self._running.start()
        self._running.join(PATIENCE)
        return sorted(dict.fromkeys(found[:]))[:MOST]


def _is_plain(key: str) -> bool:
    """Tell whether a key can be written in a line as it is; others' keys may hold anything."""
    return len(key) <= _LONGEST and key.isprintable() and _PLAIN.fullmatch(key) is not None

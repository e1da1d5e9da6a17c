"""Finding changes by looking, for servers that tell of none."""

from collections.abc import Iterable
from typing import Any

# Seconds between two looks: short after a change, longer while nothing happens.
QUICK = 1.0
SLOW = 5.0


class Poller:
    """Compares fingerprints of the watched keys."""

    def __init__(self) -> None:
        self._seen: dict[str, object] = {}
        self.pause = QUICK

    async def changed(self, client: Any, keys: Iterable[str]) -> list[str]:
        """Return the keys that differ from the last look, and set the pause until the next one.

        Sends one `DUMP` a key, in one round trip. A key whose dump is refused always counts as changed.

        Raises:
            ConnectionError: The server cannot be reached.
        """
        names = list(keys)
        pipeline = client.pipeline(transaction=False)
        for key in names:
            pipeline.dump(key)
        dumps = await pipeline.execute(raise_on_error=False)
        found = []
        for key, dump in zip(names, dumps, strict=True):
            fresh = key not in self._seen
            if isinstance(dump, Exception) or (not fresh and self._seen[key] != dump):
                found.append(key)
            self._seen[key] = dump
        for key in self._seen.keys() - set(names):
            del self._seen[key]
        self.pause = QUICK if found else min(self.pause * 1.5, SLOW)
        return found

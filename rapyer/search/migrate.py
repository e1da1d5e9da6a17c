"""Bringing one server's index of a class from what it is to what the class declares, without a gap.

A class is searched by a name that its schema is a part of, `idx:User:v1a2b3c4d`. An index gets that name
when it is complete, so a search meets an index that holds all documents, with the fields that its query was
written for, or none. The first index of a class is called `idx:User` itself. Where the schema has changed,
another one is built beside it, `idx:User:v1a2b3c4d:built`; when that is complete, `idx:User` is made to stand
for it, and the old one goes. An index of that name which is not made for a class is left alone.

Each step looks first and may be done twice, so any number of processes can do the same at the same time.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from rapyer.codec.replies import IndexState, index_attributes, index_state
from rapyer.commands import aliases, search
from rapyer.errors import NotIndexedError
from rapyer.session.executor import run

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Sequence

    from rapyer.commands.command import Arg, Command
    from rapyer.session.clients import ClientSource

logger = logging.getLogger("rapyer")

_SHORTEST, _LONGEST = 0.01, 0.25
"""Seconds between two looks at an index that is being built."""

_TRIES = 8
"""How often an index is made, or switched to, where other processes drop or switch at the same time."""

_COMPARED = frozenset(
    {"identifier", "attribute", "type", "CASESENSITIVE", "INDEXEMPTY", "INDEXMISSING", "NOSTEM"}
    | {"WITHSUFFIXTRIE", "WEIGHT", "algorithm", "data_type", "dim", "distance_metric"}
    | {"SEPARATOR", "SORTABLE", "NOINDEX"}
)
"""What FT.INFO tells of a field that a declaration can say, too, or that makes searches answer otherwise."""

_USUAL = {("WEIGHT", "1"), ("SEPARATOR", "")}
"""What goes without saying."""

_MISSING = ("no such index", "unknown index name", "index was dropped")


@dataclass(frozen=True, slots=True)
class Target:
    """What a class wants of one server.

    Attributes:
        front: The name that is the same for all schemas, such as `idx:User`.
        name: The name by which an index of this schema is searched.
        body: What such an index is called that is built beside another one.
        bodies: What such indexes are called, whatever their schema.
        prefix: What the keys of the documents start with.
        schema: The words that FT.CREATE takes for the fields.
        rows: The fields as FT.INFO describes them.
        options: The words that FT.CREATE takes for the index as a whole.
    """

    front: str
    name: str
    body: str
    bodies: re.Pattern[str]
    prefix: str
    schema: tuple[Arg, ...]
    rows: tuple[dict[str, str], ...]
    options: tuple[Arg, ...] = ()

    def owns(self, seen: Seen) -> bool:
        """Tell whether an index is made for the class, by whatever version of it; others are left alone."""
        named = seen.state.name == self.front or self.bodies.fullmatch(seen.state.name) is not None
        return named and seen.state.whole and seen.state.prefixes == (self.prefix,)

    def fits(self, seen: Seen) -> bool:
        """Tell whether an index is made for the class and has the schema."""
        return _sorted(seen.rows) == _sorted(self.rows) and self.has_options_of(seen) and self.owns(seen)

    def has_options_of(self, seen: Seen) -> bool:
        """Tell whether an index is made with the options for the index as a whole."""
        wanted = " ".join(map(str, self.options)).removeprefix("LANGUAGE english").strip()
        return wanted == " ".join(seen.state.options)


@dataclass(frozen=True, slots=True)
class Seen:
    """An index of the server.

    Attributes:
        state: How far it is.
        rows: Its fields as FT.INFO describes them.
    """

    state: IndexState
    rows: tuple[dict[str, str], ...]


async def look(server: ClientSource, index: str) -> Seen | None:
    """Return what an index is, None where there is none of that name (FT.INFO)."""
    try:
        info = await run(server, search.index_info(index))
    except ResponseError as error:
        if is_missing_index(error):
            return None
        raise
    return Seen(index_state(info), tuple(_plain(row) for row in index_attributes(info)))


async def establish(server: ClientSource, target: Target) -> str:
    """See to it that there is an index of the target's schema, complete or not (FT.INFO, FT.CREATE).

    An index of that schema which others have made is used as it is. None is changed or dropped.

    Returns:
        What the index is called.
    """
    index = target.body
    for _ in range(_TRIES):
        front = await look(server, target.front)
        if front is not None and target.fits(front):
            return front.state.name
        index = target.front if front is None else target.body
        create = search.create_index(index, target.prefix, target.schema, target.options)
        # Where another process was as quick, its index has the schema if that is a part of the name.
        if await _tried(server, create, "already exists") or index == target.body:
            break
    return index


async def built(
    server: ClientSource, target: Target, progress: Callable[[IndexState], None] | None = None
) -> bool:
    """Build an index of the target's schema, and give it its name when it is complete.

    Args:
        server: The server.
        target: What is wanted.
        progress: Called with each state that the index is seen in.

    Returns:
        Whether there is one now; False where other processes drop or replace it all the time.
    """
    for _ in range(_TRIES):
        own = await look(server, target.name)
        if own is not None and own.state.complete:
            return True
        index = await establish(server, target) if own is None else own.state.name
        seen = await filled(server, index, progress)
        if seen is None or (index == target.front and not target.fits(seen)):
            continue
        fields = [f"{row['identifier']} {row['attribute']} {row['type']}" for row in target.rows]
        if await run(server, aliases.publish_index(target.name, index, fields)) == "published":
            return True
    return False


async def filled(
    server: ClientSource, index: str, progress: Callable[[IndexState], None] | None = None
) -> Seen | None:
    """Wait until an index holds all documents (FT.INFO).

    Returns:
        The index; None where it is dropped meanwhile.

    Raises:
        NotIndexedError: The server has run out of memory, and goes on no more.
    """
    pause = _SHORTEST
    while (seen := await look(server, index)) is not None:
        if progress is not None:
            progress(seen.state)
        if seen.state.complete:
            break
        if seen.state.stopped:
            raise NotIndexedError(
                f"the server has run out of memory while it built the index {seen.state.name}",
                hint="give it more, drop that index with FT.DROPINDEX, and call init_rapyer again",
            )
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST)
    return seen


async def switch(server: ClientSource, target: Target) -> bool:
    """Let the front name stand for the target's index, and drop what it stood for, in one step (FT.INFO).

    An index that is not made for the class keeps the name, with a warning on the logger `rapyer`.

    Returns:
        Whether that is done; False where the target's index has been dropped meanwhile.
    """
    for _ in range(_TRIES):
        front, own = await look(server, target.front), await look(server, target.name)
        if own is None:
            return False
        if front is not None and not target.owns(front):
            logger.warning(
                "the name %s is left to the index %s, which is not made for the class; searches use %s",
                target.front,
                front.state.name,
                target.name,
            )
            return True
        before = front.state.name if front is not None else ""
        if before == own.state.name or await _switched(server, target, before):
            return True
    return False


async def drop(server: ClientSource, index: str, unless: Sequence[str] = ()) -> bool:
    """Drop an index, not its documents, in a script (FT.INFO, FT.DROPINDEX); whether it was dropped.

    Args:
        server: The server.
        index: Its own name.
        unless: Names that are in use: if one stands for the index, it stays.
    """
    return await run(server, aliases.drop_unnamed(index, unless))


async def remove(server: ClientSource, target: Target) -> bool:
    """Drop the index of a class, and that with its front name if it is made for it (FT.INFO, FT.DROPINDEX).

    Returns:
        Whether there was one.
    """
    seen = [await look(server, name) for name in (target.name, target.front, target.body)]
    names = dict.fromkeys(one.state.name for one in seen if one is not None and target.owns(one))
    return any([await _tried(server, search.drop_index(name), *_MISSING) for name in names])


def is_missing_index(error: ResponseError) -> bool:
    """Tell whether the server says that an index does not exist, or does not any more."""
    said = str(error).lower()
    return any(words in said for words in _MISSING)


def lacks_search(error: ResponseError) -> bool:
    """Tell whether the server says that it does not know a command, as without the search module."""
    return "unknown command" in str(error)


async def _switched(server: ClientSource, target: Target, before: str) -> bool:
    try:
        return await run(server, aliases.switch_index(target.front, target.name, before))
    except ResponseError as error:
        if is_missing_index(error):
            return False
        raise


async def _tried(server: ClientSource, command: Command[Any], *unless: str) -> bool:
    """Run a command; False where the server says why that is not needed, or not possible any more."""
    try:
        await run(server, command)
    except ResponseError as error:
        if not any(words in str(error).lower() for words in unless):
            raise
        return False
    return True


def _plain(row: dict[str, str]) -> dict[str, str]:
    plain = {key: value for key, value in row.items() if key in _COMPARED}
    if "WEIGHT" in plain:  # which is written in several ways
        plain["WEIGHT"] = f"{float(plain['WEIGHT']):g}"
    if plain["type"] == "NUMERIC":  # of which the server keeps the same in both cases
        plain.pop("SORTABLE", None)
    return {key: value for key, value in plain.items() if (key, value) not in _USUAL}


def _sorted(rows: Sequence[dict[str, str]]) -> list[list[tuple[str, str]]]:
    return sorted(sorted(row.items()) for row in rows)

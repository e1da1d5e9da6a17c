"""Bringing one server's index of a class from what it is to what the class declares, without a gap.

A class is searched by a name that its schema is a part of, `idx:User:v1a2b3c4d`. An index gets that name
when it is complete, so a search meets an index that holds all documents, with the fields that its query was
written for, or none. The first index of a class is called `idx:User` itself. Where the schema has changed,
another one is built beside it, `idx:User:v1a2b3c4d:built`; when that is complete, `idx:User` is made to stand
for it, and the old one goes.

Each step looks first and may be done twice, so any number of processes can do the same at the same time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import ResponseError

from rapyer.codec.replies import IndexState, index_attributes, index_state
from rapyer.commands import aliases, search
from rapyer.session.executor import run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rapyer.commands.command import Arg, Command
    from rapyer.session.clients import ClientSource

_SHORTEST, _LONGEST = 0.01, 0.25
"""Seconds between two looks at an index that is being built."""

_TRIES = 8
"""How often an index is made where other processes drop it at the same time."""

_COMPARED = frozenset(
    {"identifier", "attribute", "type", "CASESENSITIVE", "INDEXEMPTY", "INDEXMISSING", "NOSTEM"}
    | {"WITHSUFFIXTRIE", "WEIGHT", "algorithm", "data_type", "dim", "distance_metric"}
)
"""What FT.INFO tells of a field that a declaration can say, too."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a class wants of one server.

    Attributes:
        front: The name that is the same for all schemas, such as `idx:User`.
        name: The name by which an index of this schema is searched.
        body: What such an index is called that is built beside another one.
        prefix: What the keys of the documents start with.
        schema: The words that FT.CREATE takes for the fields.
        rows: The fields as FT.INFO describes them.
        options: The words that FT.CREATE takes for the index as a whole.
    """

    front: str
    name: str
    body: str
    prefix: str
    schema: tuple[Arg, ...]
    rows: tuple[dict[str, str], ...]
    options: tuple[Arg, ...] = ()

    def fits(self, seen: Seen) -> bool:
        """Tell whether an index has the schema."""
        alike = seen.state.prefixes == (self.prefix,) and _sorted(seen.rows) == _sorted(self.rows)
        options = " ".join(map(str, self.options)).removeprefix("LANGUAGE english").strip()
        return alike and options == " ".join(seen.state.options)


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
    front = await look(server, target.front)
    if front is not None and target.fits(front):
        return front.state.name
    index = target.front if front is None else target.body
    await _tried(
        server, search.create_index(index, target.prefix, target.schema, target.options), "already exists"
    )  # another process was as quick; what it has made is looked at before it is published
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
        if not await filled(server, index, progress):
            continue
        fields = [f"{row['identifier']} {row['attribute']} {row['type']}" for row in target.rows]
        if await run(server, aliases.publish_index(target.name, index, fields)) == "published":
            return True
    return False


async def filled(
    server: ClientSource, index: str, progress: Callable[[IndexState], None] | None = None
) -> bool:
    """Wait until an index holds all documents (FT.INFO); False where it is dropped meanwhile."""
    pause = _SHORTEST
    while (seen := await look(server, index)) is not None:
        if progress is not None:
            progress(seen.state)
        if seen.state.complete:
            return True
        await asyncio.sleep(pause)
        pause = min(pause * 1.5, _LONGEST)
    return False


async def switch(server: ClientSource, target: Target) -> str | None:
    """Let the front name stand for the target's index, in one step.

    An index that has the front name itself is dropped in that step (FT.DROPINDEX, FT.ALIASADD or
    FT.ALIASUPDATE in a script).

    Returns:
        What the name stood for, or nothing; None where the target's index has been dropped meanwhile.
    """
    try:
        return await run(server, aliases.switch_index(target.front, target.name))
    except ResponseError as error:
        if is_missing_index(error):
            return None
        raise


async def replace(server: ClientSource, target: Target) -> bool:
    """Let the front name stand for the target's index, and drop what it stood for (FT.INFO).

    Returns:
        Whether it does; False where the target's index has been dropped meanwhile.
    """
    front, own = await look(server, target.front), await look(server, target.name)
    if front is not None and own is not None and front.state.name == own.state.name:
        return True
    before = await switch(server, target)
    if before:
        await drop(server, before, (target.front, target.name))
    return before is not None


async def drop(server: ClientSource, index: str, unless: Sequence[str] = ()) -> bool:
    """Drop an index, not its documents (FT.DROPINDEX); whether there was one.

    Args:
        server: The server.
        index: Its name, or without `unless` an alias of it.
        unless: Names that are in use: if one stands for the index, it stays.
    """
    if unless:
        return await run(server, aliases.drop_unnamed(index, unless))
    return await _tried(server, search.drop_index(index), "no such index", "unknown index name")


def is_missing_index(error: ResponseError) -> bool:
    """Tell whether the server says that an index does not exist, or does not any more."""
    said = str(error).lower()
    return "no such index" in said or "unknown index name" in said or "index was dropped" in said


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
    return {key: value for key, value in plain.items() if (key, value) != ("WEIGHT", "1")}


def _sorted(rows: Sequence[dict[str, str]]) -> list[list[tuple[str, str]]]:
    return sorted(sorted(row.items()) for row in rows)

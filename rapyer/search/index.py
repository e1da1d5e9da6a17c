"""Indexes: what a class declares, and bringing the server's up to that."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, TypeVar

from redis.exceptions import ResponseError

from rapyer.errors import NotIndexedError
from rapyer.model.registry import registry
from rapyer.search import migrate
from rapyer.search.migrate import Target, is_missing_index
from rapyer.search.places import declared as declared
from rapyer.search.places import options_for

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from rapyer.commands.command import Arg
    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

R = TypeVar("R")

_TRIES = 5
"""How often an index is made, or a search begun, where somebody drops the index at the same time."""


def index_name(cls: type[StoredModel]) -> str:
    """Return the name of the index of a class, whatever its schema."""
    return f"idx:{cls.class_key_initials()}"


def versioned_name(cls: type[StoredModel]) -> str:
    """Return the name that the index of a class has for the schema that the class declares now."""
    version = registry.index_versions.get(cls)
    if version is None:
        wanted = list(declared(cls))
        words = sorted(repr((path, name, *kind.schema)) for name, path, kind in wanted)
        words.append(repr(options_for(cls, [kind for _, _, kind in wanted])))
        version = hashlib.sha256("\n".join(words).encode()).hexdigest()[:8]
        registry.index_versions[cls] = version
    return f"{index_name(cls)}:v{version}"


async def ensure_index(cls: type[StoredModel], source: ClientSource, *, replace: bool = True) -> bool:
    """Make the index of a class (FT.CREATE), or replace it where its fields have changed.

    An index whose fields are unchanged is left alone. Where they have changed, a new one is built beside it;
    `idx:User` stands for the old one until the new one is complete. Documents are never touched. Returns when
    the index is complete.

    Args:
        cls: The class.
        source: Where its commands go.
        replace: Whether an index whose fields have changed goes; else it stays beside the new one, and keeps
            the name `idx:User`.

    Returns:
        Whether the class declares any indexed field, and so has an index.

    Raises:
        NotIndexedError: Others drop the index all the time, or the source uses another database than 0.
    """
    if not any(declared(cls)):
        return False
    check_database(cls, source)
    before = source.router.reconnections()
    await source.router.on_each(lambda server: _ensure_on(server, cls, replace), searching=True)
    registry.mark_index(source, cls, ready=True, reconnections=before)
    return True


async def remove_index(cls: type[StoredModel], source: ClientSource) -> bool:
    """Remove the index of a class, not its documents (FT.DROPINDEX); whether there was one."""
    check_database(cls, source)
    registry.mark_index(source, cls, ready=False)
    return any(
        await source.router.on_each(
            lambda server: migrate.remove(server, target_on(server, cls)), searching=True
        )
    )


async def lists_everything(cls: type[StoredModel], source: ClientSource) -> bool:
    """Tell whether the index of a class exists and holds each of its documents (FT.INFO)."""
    if source.database:
        return False
    return all(await source.router.on_each(lambda server: _lists_on(server, cls), searching=True))


def leads(cls: type[StoredModel]) -> bool:
    """Tell whether the name `idx:User` is a class's own: of classes over the same keys only one has it."""
    prefix = cls.class_key_initials()
    known = [one for one in registry.snapshot() if one.class_key_initials() == prefix and any(declared(one))]
    return not known or cls is next((one for one in known if one.__name__ == prefix), known[0])


def name_on(server: ClientSource, cls: type[StoredModel]) -> str:
    """Return the name by which a class is searched on one server."""
    return server.router.local_name(versioned_name(cls))


async def searched(cls: type[StoredModel], source: ClientSource, read: Callable[[], Awaitable[R]]) -> R:
    """Read by the index of a class: an index that is complete, and has the schema of the class.

    After `init_rapyer` an index that is missing is made first, beside what others use. Where it is dropped
    during the read, or the connection is lost on the way, all is read again from the start: a server that
    has restarted may still be building the index.

    Args:
        cls: The class.
        source: Where its commands go.
        read: Reads by the name that `name_on` gives.

    Raises:
        NotIndexedError: The index does not exist on the server.
    """
    for left in reversed(range(_TRIES)):
        await _make_ready(cls, source)
        before = source.router.reconnections()
        try:
            found = await read()
            if source.router.reconnections() == before or not left:
                return found
        except ResponseError as error:
            if not is_missing_index(error):
                raise
            registry.mark_index(source, cls, ready=False)
    raise _missing(cls)


def target_on(server: ClientSource, cls: type[StoredModel]) -> Target:
    """Return what a class wants of one server."""
    wanted = list(declared(cls))
    schema: list[Arg] = []
    for name, path, kind in wanted:
        schema += (path, "AS", name, *kind.schema)
    rows = tuple({"identifier": path, "attribute": name} | kind.described() for name, path, kind in wanted)
    front = server.router.local_name(index_name(cls))
    body = server.router.local_name(f"{versioned_name(cls)}:built")
    bodies = f"{re.escape(index_name(cls))}:v[0-9a-f]{{8}}:built{re.escape(server.router.local_name(''))}"
    prefix = f"{cls.class_key_initials()}:"
    options = options_for(cls, [kind for _, _, kind in wanted])
    return Target(front, name_on(server, cls), body, re.compile(bodies), prefix, tuple(schema), rows, options)


def check_database(cls: type[StoredModel], source: ClientSource) -> None:
    """Refuse an index of another database than 0: there the server has the name of the one of database 0.

    Raises:
        NotIndexedError: The source uses another database.
    """
    if source.database and any(declared(cls)):
        raise NotIndexedError(
            f"{cls.__name__} has indexed fields, which the server finds in database 0 only, "
            f"not in database {source.database}",
            model=cls.__name__,
            hint="connect to database 0",
        )


async def _make_ready(cls: type[StoredModel], source: ClientSource) -> None:
    if registry.index_is_ready(source, cls):
        return
    if registry.auto_index:
        # Another program may search by the older schema. In a notebook the class has replaced the older one.
        await ensure_index(cls, source, replace=registry.allow_redefinition and leads(cls))
        return
    check_database(cls, source)
    before = source.router.reconnections()
    if not all(await source.router.on_each(lambda on: migrate.filled(on, name_on(on, cls)), searching=True)):
        raise _missing(cls)
    registry.mark_index(source, cls, ready=True, reconnections=before)


def _missing(cls: type[StoredModel]) -> NotIndexedError:
    return NotIndexedError(
        f"the index of {cls.__name__} does not exist on the server",
        model=cls.__name__,
        hint="call init_rapyer, which makes it",
    )


async def _ensure_on(server: ClientSource, cls: type[StoredModel], replace: bool) -> None:
    target = target_on(server, cls)
    for _ in range(_TRIES):
        if await migrate.built(server, target) and (not replace or await migrate.switch(server, target)):
            return
    raise _missing(cls)


async def _lists_on(server: ClientSource, cls: type[StoredModel]) -> bool:
    try:
        seen = await migrate.look(server, name_on(server, cls))
    except ResponseError as error:
        if migrate.lacks_search(error):
            return False
        raise
    return seen is not None and seen.state.full

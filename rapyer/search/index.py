"""Indexes: what a class declares, and bringing the server's up to that."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from redis.exceptions import ResponseError

from rapyer.codec.paths import ROOT, JsonPath
from rapyer.codec.replies import index_attributes, index_state
from rapyer.commands import search
from rapyer.model.registry import registry
from rapyer.model.schema import spec_of
from rapyer.search.expression import inner_model
from rapyer.search.kinds import IndexKind, kind_of
from rapyer.session.executor import run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer.commands.command import Arg
    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

_POLL = 0.01


def index_name(cls: type[StoredModel]) -> str:
    """Return the name of the index of a class."""
    return f"idx:{cls.class_key_initials()}"


def declared(
    cls: type[StoredModel], prefix: str = "", path: JsonPath = ROOT, inside: tuple[type, ...] = ()
) -> Iterator[tuple[str, str, IndexKind]]:
    """Yield name, JSON path and kind of each indexed field of a class, inner models included.

    Raises:
        UnsupportedIndexedFieldError: A field is declared with an index that its type does not allow.
    """
    for field in spec_of(cls).fields.values():
        inner = inner_model(field)
        if inner is not None:
            if inner not in inside:  # a class that holds its own kind is followed once
                yield from declared(inner, f"{prefix}{field.name}.", path.child(field.name), (*inside, inner))
        elif field.index is not None:
            yield f"{prefix}{field.name}", path.child(field.name), kind_of(field)


async def ensure_index(cls: type[StoredModel], source: ClientSource, *, replace: bool = True) -> bool:
    """Make the index of a class (FT.CREATE), or replace it where its fields have changed.

    An index whose fields are unchanged is left alone. Documents are never touched. Returns when the index
    is complete.

    Args:
        cls: The class.
        source: Where its commands go.
        replace: Whether an index whose fields have changed is replaced; else it stays as it is.

    Returns:
        Whether the class declares any indexed field, and so has an index.
    """
    wanted = list(declared(cls))
    if not wanted:
        return False
    await source.router.on_each(lambda server: _ensure_on(server, cls, wanted, replace), searching=True)
    registry.mark_index(source, cls, ready=True)
    return True


async def remove_index(cls: type[StoredModel], source: ClientSource) -> bool:
    """Remove the index of a class, not its documents (FT.DROPINDEX); whether there was one."""
    registry.mark_index(source, cls, ready=False)
    return any(await source.router.on_each(lambda server: _removed_on(server, cls), searching=True))


async def lists_everything(cls: type[StoredModel], source: ClientSource) -> bool:
    """Tell whether the index of a class exists and holds each of its documents (FT.INFO)."""
    return all(await source.router.on_each(lambda server: _lists_on(server, cls), searching=True))


def name_on(server: ClientSource, cls: type[StoredModel]) -> str:
    """Return the name that the index of a class has on one server."""
    return server.router.local_name(index_name(cls))


async def _ensure_on(
    server: ClientSource,
    cls: type[StoredModel],
    wanted: list[tuple[str, str, IndexKind]],
    replace: bool,
) -> None:
    name = name_on(server, cls)
    present = await _present(name, server)
    if replace and present is not None and present != [_described(*field) for field in wanted]:
        await _removed_on(server, cls)
        present = None
    if present is None:
        await _create(cls, wanted, server)
    await _complete(name, server)


async def _removed_on(server: ClientSource, cls: type[StoredModel]) -> bool:
    try:
        await run(server, search.drop_index(name_on(server, cls)))
    except ResponseError as error:
        if not is_missing_index(error):
            raise
        return False
    return True


async def _lists_on(server: ClientSource, cls: type[StoredModel]) -> bool:
    try:
        state = index_state(await run(server, search.index_info(name_on(server, cls))))
    except ResponseError as error:
        if is_missing_index(error) or "unknown command" in str(error):
            return False
        raise
    return state.progress >= 1 and state.failures == 0


async def _create(
    cls: type[StoredModel], wanted: list[tuple[str, str, IndexKind]], source: ClientSource
) -> None:
    schema: list[Arg] = []
    for name, path, kind in wanted:
        schema += (path, "AS", name, *kind.schema)
    try:
        await run(source, search.create_index(name_on(source, cls), f"{cls.class_key_initials()}:", schema))
    except ResponseError as error:
        if "already exists" not in str(error):  # another process was as quick
            raise


async def _present(name: str, source: ClientSource) -> list[dict[str, str]] | None:
    try:
        info = await run(source, search.index_info(name))
    except ResponseError as error:
        if is_missing_index(error):
            return None
        raise
    known = {"identifier", "attribute", "type", "CASESENSITIVE", "INDEXEMPTY"}
    return [{key: value for key, value in row.items() if key in known} for row in index_attributes(info)]


async def _complete(name: str, source: ClientSource) -> None:
    while index_state(await run(source, search.index_info(name))).progress < 1:  # noqa: ASYNC110 - the server tells nobody
        await asyncio.sleep(_POLL)


def _described(name: str, path: str, kind: IndexKind) -> dict[str, str]:
    type_, *flags = map(str, kind.schema)
    return {"identifier": path, "attribute": name, "type": type_} | dict.fromkeys(flags, "")


def is_missing_index(error: ResponseError) -> bool:
    """Tell whether the server says that an index does not exist."""
    said = str(error).lower()
    return "no such index" in said or "unknown index name" in said

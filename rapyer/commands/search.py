"""The search commands that the library sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rapyer.codec.replies import (
    SearchPage,
    aggregated_keys,
    group_rows,
    keyed_documents,
    matching_keys,
    ranked_keys,
    search_page,
    setting_value,
    sorted_rows,
)
from rapyer.commands.command import Arg, Command, Effect

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SORTED, _DOCUMENT = "__sorted", "__document"
KEY = "__key"
"""What the server calls the key of a document; one that has expired has none."""


def parameter_words(parameters: Mapping[str, Arg]) -> tuple[Arg, ...]:
    """Return the words of a command that give a query its values."""
    if not parameters:
        return ()
    words: list[Arg] = ["PARAMS", 2 * len(parameters)]
    for name, value in parameters.items():
        words += (name, value)
    return tuple(words)


def search(
    index: str, query: str, parameters: Mapping[str, Arg], *, offset: int, limit: int
) -> Command[SearchPage]:
    """FT.SEARCH: one page of matching documents, and how many match in all.

    Like all searches here it takes as long as it takes: the server's own limit would cut the result without a
    word.
    """
    options = ("RETURN", 1, "$", "TIMEOUT", 0, "LIMIT", offset, limit)
    args = (index, query, *options, *parameter_words(parameters), "DIALECT", 2)
    return Command("FT.SEARCH", (), args, search_page, Effect.READ)


def matches(
    index: str, query: str, parameters: Mapping[str, Arg], *, limit: int
) -> Command[tuple[list[str], int]]:
    """FT.SEARCH without contents: the keys of the first documents that match, and how many do in all."""
    options = ("NOCONTENT", "TIMEOUT", 0, "LIMIT", 0, limit, *parameter_words(parameters), "DIALECT", 2)
    return Command("FT.SEARCH", (), (index, query, *options), matching_keys, Effect.READ)


def every_key(index: str, query: str, parameters: Mapping[str, Arg]) -> Command[tuple[list[str], int]]:
    """FT.AGGREGATE: the keys of all matches, more than FT.SEARCH may give, and how many rows there were."""
    options = ("LOAD", 1, "@__key", "TIMEOUT", 0)
    args = (index, query, *options, *parameter_words(parameters), "DIALECT", 2)
    return Command("FT.AGGREGATE", (), args, aggregated_keys, Effect.READ)


def documents(
    index: str, query: str, parameters: Mapping[str, Arg], *, limit: int
) -> Command[list[tuple[str, bytes | None]]]:
    """FT.AGGREGATE: some matching documents, at the most so many, with their keys.

    The server stops at the last of them, whereas FT.SEARCH looks at all matches.
    """
    options = ("LIMIT", 0, limit, "LOAD", 4, "@__key", "$", "AS", _DOCUMENT, "TIMEOUT", 0)
    args = (index, query, *options, *parameter_words(parameters), "DIALECT", 2)
    return Command("FT.AGGREGATE", (), args, lambda reply: keyed_documents(reply, _DOCUMENT), Effect.READ)


def leading(
    index: str,
    query: str,
    parameters: Mapping[str, Arg],
    *,
    path: str,
    descending: bool,
    limit: int,
    whole: bool,
) -> Command[list[tuple[str, bytes | None, bytes | None]]]:
    """FT.AGGREGATE: the keys of the first matches by a number and then by key, each with the JSON of it.

    Dialect 3 gives JSON, where the others give numbers with 12 digits.

    Args:
        index: The index.
        query: The query.
        parameters: The values in it.
        path: Where the number stands.
        descending: Whether the greatest come first.
        limit: How many.
        whole: Whether their documents come, too.
    """
    order = "DESC" if descending else "ASC"
    loaded = ("LOAD", 4, "@__key", path, "AS", _SORTED)
    sorting = ("SORTBY", 4, f"@{_SORTED}", order, "@__key", "ASC", "LIMIT", 0, limit)
    rest = ("LOAD", 3, "$", "AS", _DOCUMENT) if whole else ()
    args = (index, query, *loaded, *sorting, *rest, "TIMEOUT", 0, *parameter_words(parameters), "DIALECT", 3)
    return Command(
        "FT.AGGREGATE", (), args, lambda reply: sorted_rows(reply, _SORTED, _DOCUMENT), Effect.READ
    )


def groups(
    index: str,
    query: str,
    parameters: Mapping[str, Arg],
    *,
    load: Mapping[str, str],
    where: str,
    apply: Mapping[str, str],
    by: Sequence[str],
    reduce: Sequence[tuple[Arg, ...]],
) -> Command[tuple[list[dict[str, Any]], int]]:
    """FT.AGGREGATE: what is computed of groups of matches, and how many groups there are.

    Dialect 3 gives the values that were loaded as JSON, where the others give numbers with 12 digits.

    Args:
        index: The index.
        query: The query.
        parameters: The values in it.
        load: The paths of what is computed with, by the names that expressions have for them.
        where: An expression that holds for the documents that count.
        apply: Expressions that are computed of each document, by name.
        by: The names of what makes the groups; none for one group of all.
        reduce: The reducers, each with its words.
    """
    loaded: list[Arg] = [f"@{KEY}"]
    for name, path in load.items():
        loaded += (path, "AS", name)
    words: list[Arg] = ["LOAD", len(loaded), *loaded, "FILTER", where]
    for name, expression in apply.items():
        words += ("APPLY", expression, "AS", name)
    words += ("GROUPBY", len(by), *(f"@{name}" for name in by))
    for reducer in reduce:
        words += ("REDUCE", *reducer)
    args = (index, query, *words, "TIMEOUT", 0, *parameter_words(parameters), "DIALECT", 3)
    return Command("FT.AGGREGATE", (), args, group_rows, Effect.READ)


def nearest(
    index: str, query: str, parameters: Mapping[str, Arg], *, limit: int, distance: str
) -> Command[list[tuple[str, float]]]:
    """FT.SEARCH for vectors: the keys of the nearest matches with their distances, the nearest first."""
    shown = ("RETURN", 1, distance, "SORTBY", distance, "ASC", "TIMEOUT", 0, "LIMIT", 0, limit)
    args = (index, query, *shown, *parameter_words(parameters), "DIALECT", 2)
    return Command("FT.SEARCH", (), args, lambda reply: ranked_keys(reply, distance), Effect.READ)


def setting(name: str) -> Command[int | None]:
    """FT.CONFIG GET: a number that the search module is set up with; None where it does not tell."""
    return Command("FT.CONFIG", (), ("GET", name), setting_value, Effect.READ)


def change_setting(name: str, value: int) -> Command[Any]:
    """FT.CONFIG SET: set up the search module with another number, until the server ends."""
    return Command("FT.CONFIG", (), ("SET", name, value), effect=Effect.IDEMPOTENT)


def create_index(index: str, prefix: str, schema: Sequence[Arg], options: Sequence[Arg] = ()) -> Command[Any]:
    """FT.CREATE: make an index over the JSON documents whose keys start with the prefix.

    Sent a second time it fails with "already exists", which the caller must take for success.
    """
    return Command(
        "FT.CREATE",
        (),
        (index, "ON", "JSON", "PREFIX", 1, prefix, *options, "SCHEMA", *schema),
        effect=Effect.IDEMPOTENT,
    )


def drop_index(index: str) -> Command[Any]:
    """FT.DROPINDEX: remove the index, not the documents."""
    return Command("FT.DROPINDEX", (), (index,), effect=Effect.IDEMPOTENT)


def index_info(index: str) -> Command[Any]:
    """FT.INFO: the raw description of the index."""
    return Command("FT.INFO", (), (index,), effect=Effect.READ)

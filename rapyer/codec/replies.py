"""Replies of the server brought into one shape, whatever the protocol version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pydantic_core

from rapyer.errors import PartialSearchError


def text(value: bytes | str) -> str:
    """Return a reply's text."""
    return value.decode() if isinstance(value, bytes) else value


def identity(reply: Any) -> Any:
    """Return the reply as it came."""
    return reply


def first(reply: Any) -> Any:
    """Return the only element of a reply to a `$` path, or None where the path matched nothing."""
    return reply[0] if reply else None


def number(reply: Any) -> int | float | None:
    """Return the number in a reply of the JSON.NUM… commands: JSON text in RESP2, an array in RESP3."""
    values = pydantic_core.from_json(reply) if isinstance(reply, bytes | str) else reply
    return values[0] if values else None


def raw_json(reply: Any) -> bytes | None:
    """Return JSON text as bytes."""
    return reply.encode() if isinstance(reply, str) else reply


def element(reply: Any) -> bytes | None:
    """Return the JSON text that JSON.ARRPOP gives for a `$` path, or None where nothing was popped."""
    value = first(reply) if isinstance(reply, list) else reply
    return raw_json(value)


@dataclass(frozen=True, slots=True)
class SearchPage:
    """One reply of a search: how many documents match, and those that the page holds."""

    total: int
    documents: tuple[tuple[str, bytes | None], ...]


def search_page(reply: Any) -> SearchPage:
    """Read a reply of `FT.SEARCH … RETURN 1 $`."""
    if isinstance(reply, dict):
        rows = _results(reply)
        return SearchPage(
            int(_get(reply, "total_results")),
            tuple(
                (text(_get(row, "id")), raw_json(_get(_get(row, "extra_attributes") or {}, "$")))
                for row in rows
            ),
        )
    pairs = zip(reply[1::2], reply[2::2], strict=True)
    return SearchPage(int(reply[0]), tuple((text(key), _json_attribute(fields)) for key, fields in pairs))


def matching_keys(reply: Any) -> tuple[list[str], int]:
    """Read a reply of `FT.SEARCH … NOCONTENT` into keys, and how many documents match in all."""
    if isinstance(reply, dict):
        return [text(_get(row, "id")) for row in _results(reply)], int(_get(reply, "total_results"))
    return [text(key) for key in reply[1:]], int(reply[0])


def ranked_keys(reply: Any, name: str) -> list[tuple[str, float]]:
    """Read a reply of `FT.SEARCH … RETURN 1 name` into keys, each with the number of that name."""
    if isinstance(reply, dict):
        rows = [(_get(row, "id"), _get(_get(row, "extra_attributes"), name)) for row in _results(reply)]
    else:
        pairs = zip(reply[1::2], reply[2::2], strict=True)
        rows = [(key, dict(zip(map(text, row[::2]), row[1::2], strict=True))[name]) for key, row in pairs]
    return [(text(key), float(number)) for key, number in rows]


def setting_value(reply: Any) -> int | None:
    """Read a reply of `FT.CONFIG GET` of one number; None where it is no number."""
    value = next(iter(reply.values())) if isinstance(reply, dict) else (reply[0][1] if reply else None)
    shown = text(value) if isinstance(value, bytes | str) else str(value)
    return int(shown) if shown.isdigit() else None


def aggregated(reply: Any) -> list[dict[Any, Any]]:
    """Read a reply of `FT.AGGREGATE` into rows; documents that have expired meanwhile leave none."""
    if isinstance(reply, dict):
        told = (_get(row, "extra_attributes") for row in _results(reply))
        return [row for row in told if row is not None]
    rows = (row for row in reply[1:] if row is not None)
    return [dict(zip(map(text, row[::2]), row[1::2], strict=True)) for row in rows]


def aggregated_keys(reply: Any) -> tuple[list[str], int]:
    """Read a reply of `FT.AGGREGATE … LOAD 1 @__key` into keys, and how many rows there were."""
    return [text(_get(row, "__key")) for row in aggregated(reply)], len(
        _results(reply) if isinstance(reply, dict) else reply[1:]
    )


def group_rows(reply: Any) -> tuple[list[dict[str, Any]], int]:
    """Read a reply of `FT.AGGREGATE … GROUPBY` into rows, and how many groups there are."""
    rows = [{text(name): value for name, value in row.items()} for row in aggregated(reply)]
    return rows, int(_get(reply, "total_results") if isinstance(reply, dict) else reply[0])


def keyed_documents(reply: Any, name: str) -> list[tuple[str, bytes | None]]:
    """Read a reply of `FT.AGGREGATE … LOAD 4 @__key $ AS name` into keys, each with the document."""
    return [(text(_get(row, "__key")), raw_json(_get(row, name))) for row in aggregated(reply)]


def sorted_rows(reply: Any, name: str, document: str) -> list[tuple[str, bytes | None, bytes | None]]:
    """Read a reply of `FT.AGGREGATE … LOAD … DIALECT 3` into keys, each with a value's JSON and the document.

    Args:
        reply: The reply.
        name: What the value is called in it.
        document: What the document is called, if it was asked for.
    """
    rows = [
        (text(_get(row, "__key")), raw_json(_get(row, name)), raw_json(_get(row, document)))
        for row in aggregated(reply)
    ]
    return [(key, value, whole and whole[1:-1]) for key, value, whole in rows]


def index_attributes(reply: Any) -> list[dict[str, str]]:
    """Read the attributes out of a reply of FT.INFO; flags without a value map to the empty string."""
    return [_attribute(row) for row in _get(_info(reply), "attributes")]


@dataclass(frozen=True, slots=True)
class IndexState:
    """What an index is, and how far.

    Attributes:
        name: Its own name, also where it was asked for by an alias.
        prefixes: What the keys of its documents start with.
        progress: How much of it is built; 1.0 when it is complete.
        documents: How many documents it holds.
        failures: How many documents it could not take in, so that no search finds them.
        options: What it was made with as a whole, as words that FT.CREATE takes; English goes without saying.
        whole: Whether it is over JSON documents, and no filter leaves any of them out.
        stopped: Whether the server has given up building it, for want of memory.
    """

    name: str
    prefixes: tuple[str, ...]
    progress: float
    documents: int
    failures: int
    options: tuple[str, ...] = ()
    whole: bool = True
    stopped: bool = False

    @property
    def complete(self) -> bool:
        """Whether it holds all documents that it is to hold and can."""
        return self.progress >= 1

    @property
    def full(self) -> bool:
        """Whether it is complete and has left no document out."""
        return self.complete and self.failures == 0


def index_state(reply: Any) -> IndexState:
    """Read the state of an index out of a reply of FT.INFO."""
    info = _info(reply)
    definition = _info(_get(info, "index_definition"))
    # While the last documents are on their way the server already tells 1 for all.
    progress = min(float(_get(info, "percent_indexed")), 0.999 if int(_get(info, "indexing") or 0) else 1.0)
    return IndexState(
        text(_get(info, "index_name")),
        tuple(map(text, _get(definition, "prefixes"))),
        progress,
        int(_get(info, "num_docs")),
        int(_get(info, "hash_indexing_failures") or 0),
        (*_language(_get(definition, "default_language")), *_stop_words(_get(info, "stopwords_list"))),
        text(_get(definition, "key_type")) == "JSON" and not _get(definition, "filter"),
        "OOM" in text(_get(_info(_get(info, "Index Errors") or {}), "background indexing status") or ""),
    )


def index_bytes(reply: Any) -> int:
    """Read the memory that an index takes, in bytes, out of a reply of FT.INFO."""
    return round(float(_get(_info(reply), "total_index_memory_sz_mb") or 0) * 1024 * 1024)


def _language(told: Any) -> tuple[str, ...]:
    return ("LANGUAGE", text(told)) if told and text(told) != "english" else ()


def _stop_words(told: Any) -> tuple[str, ...]:
    return () if told is None else ("STOPWORDS", str(len(told)), *map(text, told))


_WITH_VALUE = frozenset(
    {"identifier", "attribute", "type", "SEPARATOR", "WEIGHT", "algorithm", "data_type", "dim"}
    | {"distance_metric", "M", "ef_construction"}
)
"""What FT.INFO tells of a field with a value behind it; the others are flags."""


def _info(reply: Any) -> dict[Any, Any]:
    return reply if isinstance(reply, dict) else dict(zip(map(text, reply[::2]), reply[1::2], strict=False))


def _attribute(row: Any) -> dict[str, str]:
    if isinstance(row, dict):
        named = {text(name): _plain(value) for name, value in row.items() if text(name) != "flags"}
        return named | {_plain(flag): "" for flag in _get(row, "flags") or ()}
    words = [_plain(word) for word in row]
    named = {}
    while words:
        name = words.pop(0)
        takes_value = name in _WITH_VALUE
        named[name] = words.pop(0) if takes_value and words else ""
    return named


def _plain(value: Any) -> str:
    return text(value) if isinstance(value, bytes | str) else str(value)


def _json_attribute(fields: list[Any]) -> bytes | None:
    named = dict(zip(map(text, fields[::2]), fields[1::2], strict=False))
    return raw_json(named.get("$"))


def _results(reply: dict[Any, Any]) -> list[Any]:
    """Return the rows of a reply of a search.

    Raises:
        PartialSearchError: The server says that it has left some out.
    """
    warnings = [text(warning) for warning in _get(reply, "warning") or ()]
    if warnings:
        raise PartialSearchError(f"the server may have left matches out: {'; '.join(warnings)}")
    rows: list[Any] = _get(reply, "results")
    return rows


def _get(mapping: dict[Any, Any], name: str) -> Any:
    return mapping[name] if name in mapping else mapping.get(name.encode())

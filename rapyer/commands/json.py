"""The JSON commands that the library sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic_core import to_json

from rapyer.codec.paths import ROOT, JsonPath, addressable
from rapyer.codec.replies import element, first, number, raw_json, text
from rapyer.commands.command import Command, Effect
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_SET_IF = Script("set_if")
_ARITHMETIC = Script("arithmetic")
_POP_ITEM = Script("pop_item")


def get(key: str, path: str = ROOT) -> Command[bytes | None]:
    """JSON.GET: the JSON text; for a `$` path an array of the matches, None where the key is missing."""
    return Command("JSON.GET", (key,), (path,), raw_json, Effect.READ, place=path)


def get_document(key: str) -> Command[bytes | None]:
    """JSON.GET of the whole document, without an array around it; None where the key is missing."""
    return Command("JSON.GET", (key,), (".",), raw_json, Effect.READ)


def get_documents(keys: Sequence[str]) -> Command[list[bytes | None]]:
    """JSON.MGET of whole documents; None for each key that is missing or holds another type."""
    return Command(
        "JSON.MGET", tuple(keys), (".",), lambda reply: [raw_json(item) for item in reply], Effect.READ
    )


def set_value(key: str, path: str, value: bytes) -> Command[bool]:
    """JSON.SET: write the value; in a document that exists, the parent of the path must exist too."""
    return Command("JSON.SET", (key,), (path, value), bool, Effect.IDEMPOTENT, place=path, must_exist=True)


def set_documents(documents: Iterable[tuple[str, bytes]]) -> Command[bool]:
    """JSON.MSET: write whole documents."""
    pairs = list(documents)
    args: list[str | bytes] = [ROOT, pairs[0][1]]
    for key, value in pairs[1:]:
        args += (key, ROOT, value)
    return Command("JSON.MSET", (pairs[0][0],), tuple(args), bool, Effect.IDEMPOTENT)


def delete(key: str, path: str) -> Command[int]:
    """JSON.DEL: remove what the path matches; how many values went."""
    return Command("JSON.DEL", (key,), (path,), int, Effect.IDEMPOTENT, place=path)


def set_member(key: str, path: JsonPath, name: str, value: bytes) -> Command[Any]:
    """Write one member of an object: JSON.SET, or JSON.MERGE for a name that no path can hold."""
    if addressable(name):
        return set_value(key, path.child(name), value)
    return Command("JSON.MERGE", (key,), (path, _object(name, value)), bool, Effect.IDEMPOTENT, place=path)


def delete_member(key: str, path: JsonPath, name: str) -> Command[Any]:
    """Remove one member of an object: JSON.DEL, or JSON.MERGE with null for a name that no path can hold."""
    if addressable(name):
        return delete(key, path.child(name))
    return Command("JSON.MERGE", (key,), (path, _object(name, b"null")), bool, Effect.IDEMPOTENT, place=path)


def pop_member(key: str, path: JsonPath, name: str | None = None) -> Command[tuple[str, bytes] | None]:
    """Take a member out of an object, the named or the first one, in a script; None where there is none."""
    member = "" if name is None else path.child(name)
    return Command(
        "EVALSHA", (key,), (path, member), _popped, script=_POP_ITEM, immediate=True, place=member or path
    )


def increment(key: str, path: str, amount: float) -> Command[Any]:
    """JSON.NUMINCRBY: add to a number; the new number."""
    return Command("JSON.NUMINCRBY", (key,), (path, _digits(amount)), number, place=path, must_exist=True)


def arithmetic(
    key: str, path: str, operator: str, operand: float, *, kind: Literal["int", "float"]
) -> Command[Any]:
    """Apply `*`, `/`, `//`, `%` or `**` to a number in a script; the new number."""
    return Command(
        "EVALSHA",
        (key,),
        (path, operator, _digits(operand), kind),
        lambda reply: int(reply) if kind == "int" else float(reply),
        script=_ARITHMETIC,
        place=path,
    )


def append_text(key: str, path: str, value: bytes) -> Command[int | None]:
    """JSON.STRAPPEND: append to a string; its new length."""
    return Command("JSON.STRAPPEND", (key,), (path, value), first, place=path, must_exist=True)


def append(key: str, path: str, values: Iterable[bytes]) -> Command[int | None]:
    """JSON.ARRAPPEND: append to an array; its new length."""
    return Command("JSON.ARRAPPEND", (key,), (path, *values), first, place=path, must_exist=True)


def insert(key: str, path: str, index: int, values: Iterable[bytes]) -> Command[int | None]:
    """JSON.ARRINSERT: insert into an array before the position; its new length."""
    return Command("JSON.ARRINSERT", (key,), (path, index, *values), first, place=path, must_exist=True)


def pop(key: str, path: str, index: int, *, immediate: bool = True) -> Command[bytes | None]:
    """JSON.ARRPOP: take an element out of an array; its JSON text, None where the array is empty."""
    return Command("JSON.ARRPOP", (key,), (path, index), element, immediate=immediate, place=path)


@dataclass(frozen=True, slots=True)
class SetIfResult:
    """What became of a guarded write.

    Attributes:
        status: "written", "changed" (somebody else wrote, nothing was done) or "gone" (no such document).
        current: The text at the path now, where it was changed.
    """

    status: Literal["written", "changed", "gone"]
    current: bytes | None = None


def set_if(key: str, path: str, expected: bytes, value: bytes) -> Command[SetIfResult]:
    """Write the value in a script, only if the path's text is still what `get` of it gave."""
    return Command("EVALSHA", (key,), (path, expected, value), _set_if_result, script=_SET_IF, place=path)


def _set_if_result(reply: Any) -> SetIfResult:
    status = text(reply[0])
    if status == "written":
        return SetIfResult("written")
    return SetIfResult("changed", raw_json(reply[1])) if status == "changed" else SetIfResult("gone")


def _popped(reply: Any) -> tuple[str, bytes] | None:
    if not reply:
        return None
    array = raw_json(reply[1])
    return (text(reply[0]), array[1:-1]) if array else None


def _object(name: str, value: bytes) -> bytes:
    return b"{" + to_json(name) + b":" + value + b"}"


def _digits(value: float) -> str:
    return repr(float(value)) if isinstance(value, float) else str(int(value))

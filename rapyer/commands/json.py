"""The JSON commands that the library sends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic_core import to_json

from rapyer.codec.paths import ROOT, JsonPath, addressable
from rapyer.codec.replies import element, first, number, raw_json, text
from rapyer.commands.command import Command, Effect
from rapyer.commands.spread import Spread, in_place
from rapyer.errors import InvalidKeyError
from rapyer.scripts.script import Script, ValueScript

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_SET_IF = Script("set_if")
_SAVE_IF = Script("save_if")
_MEMBER = Script("member")
_INCREMENT = ValueScript("increment")
_SPLICE = Script("splice")
_POP_ELEMENT = Script("pop_element")
_DELETE = Script("delete")
_REMOVE_ELEMENT = Script("remove_element")


def get(key: str, path: str = ROOT) -> Command[bytes | None]:
    """JSON.GET: the JSON text; for a `$` path an array of the matches, None where the key is missing."""
    return Command("JSON.GET", (key,), (path,), raw_json, Effect.READ, place=path)


def get_document(key: str) -> Command[bytes | None]:
    """JSON.GET of the whole document, without an array around it; None where the key is missing."""
    return Command("JSON.GET", (key,), (".",), raw_json, Effect.READ)


def get_documents(keys: Sequence[str]) -> Command[list[bytes | None]]:
    """JSON.MGET of whole documents; None for each key that is missing or holds another type."""
    return Command(
        "JSON.MGET",
        tuple(keys),
        (".",),
        lambda reply: [raw_json(item) for item in reply],
        Effect.READ,
        spread=Spread(lambda at: get_documents([keys[position] for position in at]), in_place),
    )


def set_value(key: str, path: str, value: bytes) -> Command[bool]:
    """JSON.SET: write the value; in a document that exists, the parent of the path must exist too.

    Raises:
        InvalidKeyError: No path can name the place; the server would write to another.
    """
    if "\\" in path:
        raise InvalidKeyError(
            f"no JSON path can name {path}",
            key=key,
            field=path,
            hint="set or delete the value through the dict that holds it",
        )
    return Command("JSON.SET", (key,), (path, value), bool, Effect.IDEMPOTENT, place=path, must_exist=True)


def delete(key: str, path: str) -> Command[int]:
    """JSON.DEL: remove what the path matches; how many values went."""
    return Command("JSON.DEL", (key,), (path,), int, Effect.IDEMPOTENT, place=path)


def delete_range(key: str, path: str) -> Command[int]:
    """JSON.DEL of an array element, or of none, which moves the others: how many went."""
    return Command("JSON.DEL", (key,), (path,), int, place=path)


def get_member(key: str, path: JsonPath, name: str) -> Command[bytes | None]:
    """Read one member of an object: JSON.GET, or a script for a name that no path can hold; as `get`."""
    if addressable(name):
        return get(key, path.child(name))
    return _member(key, path, "get", name, decode=raw_json, effect=Effect.READ)


def set_member(key: str, path: JsonPath, name: str, value: bytes) -> Command[Any]:
    """Write one member of an object: JSON.SET, or a script for a name that no path can hold."""
    if addressable(name):
        return set_value(key, path.child(name), value)
    return _member(key, path, "set", name, to_json(name), value, decode=bool, must_exist=True)


def set_missing_member(key: str, path: JsonPath, name: str, value: bytes) -> Command[bytes | None]:
    """Write one member of an object in a script, if it is missing; the JSON text that it has then."""
    return _member(key, path, "missing", name, to_json(name), value, decode=_only, must_exist=True)


def delete_member(key: str, path: JsonPath, name: str) -> Command[int]:
    """Remove one member of an object, JSON.DEL, or a script for a name without a path; how many went."""
    if addressable(name):
        return delete(key, path.child(name))
    return _member(key, path, "delete", name, to_json(name), decode=int)


def pop_member(key: str, path: JsonPath, name: str | None = None) -> Command[tuple[str, bytes] | None]:
    """Take a member out of an object, the named or the first one, in a script; None where there is none."""
    which = ("first", "") if name is None else ("pop", name)
    return _member(key, path, *which, decode=_popped, effect=Effect.ONCE, immediate=True)


def increment(key: str, path: str, amount: float) -> Command[Any]:
    """JSON.NUMINCRBY: add to a number; the new number. For an int in a script, which keeps it to 64 bits."""
    script = None if isinstance(amount, float) else _INCREMENT
    return Command(
        "JSON.NUMINCRBY", (key,), (path, digits(amount)), number, script=script, place=path, must_exist=True
    )


def append_text(key: str, path: str, value: bytes) -> Command[int | None]:
    """JSON.STRAPPEND: append to a string; its new length."""
    return Command("JSON.STRAPPEND", (key,), (path, value), first, place=path, must_exist=True)


def append(key: str, path: str, values: Iterable[bytes]) -> Command[int | None]:
    """JSON.ARRAPPEND: append to an array; its new length."""
    return Command("JSON.ARRAPPEND", (key,), (path, *values), first, place=path, must_exist=True)


def insert(key: str, path: str, index: int, values: Iterable[bytes]) -> Command[int | None]:
    """Insert into an array before the position, which is clamped to the array; its new length.

    At the start it is JSON.ARRINSERT; elsewhere a script, for that command refuses a position beyond the end.
    """
    if index == 0:
        return Command("JSON.ARRINSERT", (key,), (path, 0, *values), first, place=path, must_exist=True)
    return splice(key, path, index, None, values)


def splice(
    key: str, path: str, start: int, stop: int | None, values: Iterable[bytes] = ()
) -> Command[int | None]:
    """Put values in place of a range of an array, in a script; its new length.

    Args:
        key: The document.
        path: The array.
        start: Where the range starts, as in a slice.
        stop: Where it stops; None for an empty range.
        values: The JSON texts.
    """
    args = (path, start, "" if stop is None else stop, *values)
    return Command("EVALSHA", (key,), args, script=_SPLICE, place=path, must_exist=True)


def pop(key: str, path: str, index: int) -> Command[bytes | None]:
    """JSON.ARRPOP: take an element out of an array; its JSON text, None where the array is empty.

    Within the array it goes by a script, for that command takes another element if there is none so far on.
    """
    script = None if index in {0, -1} else _POP_ELEMENT
    return Command("JSON.ARRPOP", (key,), (path, index), element, script=script, immediate=True, place=path)


def remove(key: str, path: str, value: bytes) -> Command[int | None]:
    """Take the first element that equals the value out of an array, in a script; its position, or -1."""
    return Command("EVALSHA", (key,), (path, value), script=_REMOVE_ELEMENT, place=path, must_exist=True)


def index_of(key: str, path: str, value: bytes) -> Command[int | None]:
    """JSON.ARRINDEX: the position of the first element that equals the value, or -1."""
    return Command("JSON.ARRINDEX", (key,), (path, value), first, Effect.READ, place=path, must_exist=True)


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


def save_if(
    key: str, expected: bytes, writes: Iterable[tuple[str, bytes]], *, ttl: int | None
) -> Command[SetIfResult]:
    """Write to a document in a script, only if its text is still what `get_document` gave.

    Args:
        key: The document.
        expected: Its text.
        writes: Paths and the JSON texts to write there; an empty text removes what is there.
        ttl: Seconds after which the document expires then; None leaves that as it is.
    """
    words = [word for write in writes for word in write]
    args = (expected, "" if ttl is None else ttl, *words)
    return Command("EVALSHA", (key,), args, _set_if_result, script=_SAVE_IF)


def _set_if_result(reply: Any) -> SetIfResult:
    status = text(reply[0])
    if status == "written":
        return SetIfResult("written")
    return SetIfResult("changed", raw_json(reply[1])) if status == "changed" else SetIfResult("gone")


def _member(
    key: str,
    *args: str | bytes,
    decode: Callable[[Any], Any],
    effect: Effect = Effect.IDEMPOTENT,
    immediate: bool = False,
    must_exist: bool = False,
) -> Command[Any]:
    return Command(
        "EVALSHA", (key,), args, decode, effect, _MEMBER, immediate, str(args[0]), must_exist=must_exist
    )


def _only(reply: Any) -> bytes | None:
    array = raw_json(reply)
    return array[1:-1] if array else None


def _popped(reply: Any) -> tuple[str, bytes] | None:
    if not reply:
        return None
    value = _only(reply[1])
    return None if value is None else (text(reply[0]), value)


def digits(value: float) -> str:
    """Return a number as JSON text; a float with its point, so that it stays one."""
    return repr(float(value)) if isinstance(value, float) else str(int(value))

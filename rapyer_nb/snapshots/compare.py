"""How two snapshots differ."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic_core import from_json

from rapyer.commands.content import DOCUMENT, NOTHING, QUEUE, SET
from rapyer_nb.errors import NotebookError
from rapyer_nb.snapshots.seeing import as_seen
from rapyer_nb.snapshots.values import MISSING, Part, parts_between
from rapyer_nb.views.brief import brief
from rapyer_nb.views.changes import MOST_LINES, Changes, Group, Line
from rapyer_nb.views.note import counted
from rapyer_nb.views.view import Reporting

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rapyer.commands.content import Content
    from rapyer_nb.snapshots.snapshot import Kept, Snapshot

Kind = Literal["changed", "gone", "new"]

_CLOCK: Final = 1000
"""Milliseconds by which two ends of one life may differ: they are computed from what is left."""

_OTHER_SERVER: Final = "⚠ these are two servers: what differs need not have changed"

_MARKS: Final[dict[Kind, str]] = {"changed": "~", "gone": "-", "new": "+"}
_TYPES: Final = {DOCUMENT: "a document", SET: "a set", QUEUE: "a queue", NOTHING: "nothing"}


@dataclass(frozen=True)
class Change:
    """How one model differs.

    Attributes:
        key: The key of its document.
        model: The name of its class.
        kind: "changed"; "gone" where it is in the earlier snapshot alone, "new" where in the later.
        parts: What differs in it.
    """

    key: str
    model: str
    kind: Kind
    parts: tuple[Part, ...]


@dataclass(frozen=True, repr=False)
class Difference(Reporting):
    """How a later state differs from an earlier one.

    Attributes:
        before: The earlier snapshot.
        after: The later one; its name is "now" for what Redis held when it was asked.
        changes: The models that differ, in the order of their keys.
    """

    before: Snapshot
    after: Snapshot
    changes: tuple[Change, ...]

    def __len__(self) -> int:
        return len(self.changes)

    def __bool__(self) -> bool:
        return bool(self.changes)

    def summary(self) -> str:
        """Return a line such as `before → now: 1 changed, 2 new, 41 the same`; of two servers with both."""
        counts = Counter(change.kind for change in self.changes)
        told = [f"{counts[kind]:,} {kind}" for kind in _MARKS if counts[kind]]
        same = len(self.before) - counts["changed"] - counts["gone"]
        head = " → ".join(
            f"{one.name} ({one.server})" if self.between_servers else one.name
            for one in (self.before, self.after)
        )
        if not told:
            return f"{head}: no difference in {counted(len(self.before), 'document')}"
        return f"{head}: {', '.join(told)}, {same:,} the same"

    @property
    def between_servers(self) -> bool:
        """Whether both are of different servers, so that what differs need not have changed."""
        return self.before.server != self.after.server

    def view(self) -> Changes:
        """Return what a notebook shows: for each model that differs, its parts that do."""
        return Changes(self.summary(), groups_of(self.changes), [_OTHER_SERVER] * self.between_servers)


def compare(before: Snapshot, after: Snapshot) -> Difference:
    """Return how a later snapshot differs from an earlier one, as far as both are of the same; reads nothing.

    Raises:
        NotebookError: They have no model in common.
    """
    ours, theirs = ({model.__name__ for model in one.scope.models} for one in (before, after))
    if not ours & theirs:
        raise NotebookError(
            f"{before.name!r} is of {', '.join(sorted(ours))}, {after.name!r} of {', '.join(sorted(theirs))}",
            hint="compare snapshots of the same models",
        )
    documents = {**after.documents, **before.documents}
    changes = (
        _change(key, before.documents.get(key), after.documents.get(key))
        for key, kept in sorted(documents.items())
        if before.scope.covers(key, kept.model) and after.scope.covers(key, kept.model)
    )
    return Difference(before, after, tuple(change for change in changes if change is not None))


def groups_of(changes: Iterable[Change]) -> list[Group]:
    """Return changes as they are shown."""
    return [_group(change) for change in changes]


def differs(before: Content, after: Content) -> bool:
    """Tell whether a key holds something else, or ends at another time."""
    return before.digest != after.digest or _ends_differ(before, after)


def _group(change: Change) -> Group:
    lines = [_line(part) for part in change.parts[:MOST_LINES]]
    more = len(change.parts) - len(lines)
    return Group(_MARKS[change.kind], change.key, change.kind, lines, more)


def _line(part: Part) -> Line:
    before = "" if part.before is MISSING else brief(part.before)
    after = "" if part.after is MISSING else brief(part.after)
    return Line(part.sign, part.path or "the document", before, after)


def _change(key: str, before: Kept | None, after: Kept | None) -> Change | None:
    if before is None:
        return None if after is None else Change(key, after.model, "new", tuple(_whole("+", after)))
    if after is None:
        return Change(key, before.model, "gone", tuple(_whole("-", before)))
    parts = tuple(_between(before, after))
    return Change(key, before.model, "changed", parts) if parts else None


def _whole(sign: Literal["+", "-"], kept: Kept) -> Iterator[Part]:
    for name, content in kept.parts.items():
        if content.kind == NOTHING:
            continue
        value = value_of(content)
        yield Part(sign, name, before=value) if sign == "-" else Part(sign, name, after=value)


def _between(before: Kept, after: Kept) -> Iterator[Part]:
    for name, old in before.parts.items():
        new = after.parts.get(name)
        if new is None:
            continue
        if old.digest != new.digest:
            yield from _values(name, old, new) if name else _document(before.keys[""], old, new)
        if _ends_differ(old, new) and NOTHING not in {old.kind, new.kind}:
            yield Part("~", f"TTL of {name}" if name else "TTL", _life(old), _life(new))


def _document(key: str, old: Content, new: Content) -> Iterable[Part]:
    if not (isinstance(old.values, bytes) and isinstance(new.values, bytes)):
        return [Part("~", "", _type(old), _type(new))]
    parts = list(parts_between(value_of(old), value_of(new)))
    return as_seen(parts, key, old.values, new.values)


def _values(name: str, old: Content, new: Content) -> Iterator[Part]:
    kinds = {old.kind, new.kind} - {NOTHING}
    if kinds == {SET}:
        gone, came = set(_members(old)) - set(_members(new)), set(_members(new)) - set(_members(old))
        yield from (Part("-", name, before=_decoded(member)) for member in sorted(gone))
        yield from (Part("+", name, after=_decoded(member)) for member in sorted(came))
    elif kinds == {QUEUE}:
        yield from _entries(name, dict(_pairs(old)), dict(_pairs(new)))
    else:
        yield Part("~", name, _type(old), _type(new))


def _entries(name: str, old: dict[bytes, bytes], new: dict[bytes, bytes]) -> Iterator[Part]:
    for member, score in old.items():
        where = f"{name}[{brief(_decoded(member), 40)}]"
        if member not in new:
            yield Part("-", where, before=_priority(score))
        elif new[member] != score:
            yield Part("~", where, _priority(score), _priority(new[member]))
    for member, score in new.items():
        if member not in old:
            yield Part("+", f"{name}[{brief(_decoded(member), 40)}]", after=_priority(score))


def value_of(content: Content) -> Any:
    """Return what a key held as Python values: of a document its JSON, of a set or a queue a list."""
    if content.kind == DOCUMENT and isinstance(content.values, bytes):
        return _decoded(content.values)
    if content.kind == SET:
        return [_decoded(member) for member in _members(content)]
    if content.kind == QUEUE:
        return [(_decoded(member), _priority(score)) for member, score in _pairs(content)]
    return _type(content)


def _type(content: Content) -> str:
    return _TYPES.get(content.kind, f"a {content.kind}")


def _members(content: Content) -> list[bytes]:
    values = content.values if isinstance(content.values, tuple) else ()
    return [member for member in values if isinstance(member, bytes)]


def _pairs(content: Content) -> list[tuple[bytes, bytes]]:
    values = content.values if isinstance(content.values, tuple) else ()
    return [pair for pair in values if isinstance(pair, tuple)]


def _decoded(text: bytes) -> Any:
    try:
        return from_json(text)
    except ValueError:  # it is no JSON; somebody else has written it
        return text


def _priority(score: bytes) -> float | int:
    number = float(score)
    return int(number) if number.is_integer() else number


def _ends_differ(one: Content, other: Content) -> bool:
    if one.ends is None or other.ends is None:
        return one.ends is not other.ends
    return abs(one.ends - other.ends) > _CLOCK


def _life(content: Content) -> str:
    return "no end" if content.left is None else f"{content.left / 1000:.0f} s left"

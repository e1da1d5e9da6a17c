"""Writes docs/actions.md, the table of action groups, from the code: `python docs/actions.py`."""

from __future__ import annotations

import inspect
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rapyer
import rapyer.types
from rapyer import AtomicRedisModel
from rapyer.actions import ActionGroup, action_of
from rapyer.metaclass import Yielding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer.actions import Action

PAGE = Path(__file__).parent / "actions.md"

MODULE = "rapyer"
SHARED = "every field in the document"
SPECIAL = "every field with a key of its own"

_BASES = (rapyer.types.RedisType, rapyer.types.SpecialFieldType)

_HEAD = """# Action groups

Written by `python docs/actions.py` from the code; do not edit.

Each operation belongs to one or more groups of `rapyer.actions.ActionGroup`. `Meta.refresh_ttl` takes them to
say which operations start a model's time to live anew; [ttl.md](ttl.md) tells how that works.

```python
from rapyer import ActionGroup, AtomicRedisModel


class Session(AtomicRedisModel):
    user_id: str


Session.Meta.ttl = 1800
Session.Meta.refresh_ttl = ActionGroup.UPDATE | ActionGroup.APPEND
```

`True` stands for all groups, `False` and `ActionGroup(0)` for none. `ActionGroup.all(for_ttl=True)` is all of
them but DELETE, which `refresh_ttl` refuses with `InvalidRefreshTtlError`.

Operations in *italics* are classified, but never start a time to live anew. Sync methods and operators do so
where they reach Redis: in a pipeline.
"""


@dataclass(frozen=True)
class Row:
    """One operation.

    Attributes:
        source: The class that has it, or the package.
        name: Its name.
        action: What it is.
        is_async: Whether it is a coroutine.
    """

    source: str
    name: str
    action: Action
    is_async: bool

    def __str__(self) -> str:
        code = f"`{self.source}.{self.name}`" if self.source == MODULE else f"`{self.name}`"
        return code if self.action.refreshes else f"*{code}*"


def rows() -> list[Row]:
    """Return all operations that are in a group."""
    shared = dict(_members(rapyer.types.RedisType))
    special = dict(_members(rapyer.types.SpecialFieldType))
    found = [*_rows(AtomicRedisModel.__name__, _members(AtomicRedisModel)), *_rows(MODULE, _functions())]
    found += [*_rows(SHARED, shared.items()), *_rows(SPECIAL, special.items())]
    for name in rapyer.types.__all__:
        cls = getattr(rapyer.types, name)
        own = [] if cls in _BASES or not isinstance(cls, type) else _members(cls)
        found += _rows(name, [(n, value) for n, value in own if value not in (shared.get(n), special.get(n))])
    return found


def page() -> str:
    """Return the text of the page."""
    parts = [_HEAD]
    everything = rows()
    for group in ActionGroup:
        named: dict[str, list[str]] = defaultdict(list)
        for row in everything:
            if group in row.action.groups:
                named[row.source].append(str(row))
        parts.append(f"## {group.name}\n\n{_DOCS[group]}\n\n| source | operations |\n| --- | --- |")
        parts += [f"| {_source(source)} | {', '.join(names)} |" for source, names in named.items()]
        parts.append("")
    return "\n".join(parts)


_DOCS = {
    ActionGroup.READ: "Reading from Redis.",
    ActionGroup.FETCH: "Loading whole models; all of these are READ, too.",
    ActionGroup.CREATE: "Storing models. What is stored for the first time gets `Meta.ttl` in any case.",
    ActionGroup.UPDATE: "Changing what is stored: almost every write.",
    ActionGroup.APPEND: "Adding to a text or a collection.",
    ActionGroup.DELETE: "Removing whole models. Not for `refresh_ttl`: nothing is left to live longer.",
    ActionGroup.ERASE: "Taking something out of a collection, or emptying it.",
    ActionGroup.ARITHMETIC: "Computing with a stored number or time.",
}


def _source(name: str) -> str:
    return {MODULE: "the package", SHARED: SHARED, SPECIAL: SPECIAL}.get(name, f"`{name}`")


def _rows(source: str, members: Any) -> Iterator[Row]:
    for name, member in members:
        stated = action_of(member)
        if stated is not None and (not name.startswith("_") or name.endswith("__")):
            function = inspect.unwrap(getattr(member, "__func__", member))
            is_async = inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function)
            yield Row(source, name, stated, is_async)


def _members(cls: type) -> list[tuple[str, Any]]:
    ours = [base for base in cls.__mro__ if base.__module__.startswith("rapyer.")]
    names = list(dict.fromkeys(name for base in ours for name in vars(base)))
    found = [(name, _plain(inspect.getattr_static(cls, name))) for name in names]
    # A second name of the same operation is not listed.
    return sorted((name, value) for name, value in found if getattr(value, "__name__", name) == name)


def _functions() -> list[tuple[str, Any]]:
    return [(name, getattr(rapyer, name)) for name in rapyer.__all__]


def _plain(member: Any) -> Any:
    return member._wrapped if isinstance(member, Yielding) else member


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")

"""What somebody who types a part of a key, or how a field begins, may want to refer to."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from itertools import islice
from operator import or_
from typing import TYPE_CHECKING, Any, Final

from rapyer.commands.keys import glob_escape
from rapyer.commands.looking import scan_keys
from rapyer.errors import BadFilterError, NotIndexedError
from rapyer.model.registry import registry
from rapyer.model.schema import spec_of
from rapyer.search.expression import FieldOperand, operand
from rapyer.search.find import find_keys
from rapyer.search.places import Place, kind_at
from rapyer.session.executor import run
from rapyer.session.using import using
from rapyer_nb.widgets.references.summaries import summaries

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer.search.expression import Expression
    from rapyer.session.clients import ClientSource
    from rapyer.types.targets import Targets

MOST: Final = 20
"""How many candidates are offered."""
LOOKED_AT: Final = 20_000
"""At how many keys of each server the search by a part of a key looks at the most."""
_PER_SCAN: Final = 1000
_DOCUMENT: Final = "ReJSON-RL"


@dataclass(frozen=True)
class Candidates:
    """What was found.

    Attributes:
        options: The candidates, each with its `key` and a `summary`.
        status: What is to be said of them.
    """

    options: list[dict[str, str]]
    status: str


async def candidates(source: ClientSource, targets: Targets, text: str) -> Candidates:
    """Return what a text may mean: an exact key first, then what an index finds, then parts of keys.

    Sends JSON.MGET for what is offered, FT.SEARCH for classes with indexed texts, and SCAN for parts of keys,
    which looks at no more than 20,000 keys of a server.

    Args:
        source: Where the classes without a connection of their own are.
        targets: What may be referred to.
        text: What was typed; empty for any.

    Raises:
        UnknownTargetError: It is not known what may be referred to.
    """
    found: dict[str, str] = {}
    partial = False
    with using(source):
        for declared in targets.by_prefix().values():
            cls: Any = registry.newest(declared) or declared  # type: ignore[arg-type]
            search = _Search(cls, registry.source_for(cls), text.strip(), MOST - len(found))
            found.update(await search.run())
            partial = partial or search.gave_up
            if len(found) >= MOST:
                break
    options = [{"key": key, "summary": summary} for key, summary in islice(found.items(), MOST)]
    return Candidates(options, _status(len(options), partial=partial))


def _status(count: int, *, partial: bool) -> str:
    if count >= MOST:
        return f"the first {MOST}: type more to see others"
    limits = f", among the first {LOOKED_AT:,} keys" if partial else ""
    return f"{count or 'none'} found{limits}" if partial or not count else ""


class _Search:
    """Looks for documents of one class.

    Args:
        cls: The class.
        source: Its server.
        text: What was typed.
        most: How many are wanted.
    """

    def __init__(self, cls: Any, source: ClientSource, text: str, most: int) -> None:
        self._cls = cls
        self._source = source
        self._text = text
        self._most = most
        self._prefix = f"{cls.class_key_initials()}:"
        self._others = registry.longer_prefixes(self._prefix)
        self.gave_up = False

    async def run(self) -> dict[str, str]:
        """Return the summaries of what was found, by key."""
        found = await self._summed(self._exact())
        for look in (self._by_index, self._by_key, *([self._by_class] if self._text else [])):
            if len(found) < self._most:
                found.update(await self._summed([key for key in await look() if key not in found]))
        return dict(islice(found.items(), self._most))

    async def _summed(self, keys: list[str]) -> dict[str, str]:
        return await summaries(self._source, self._cls, keys)

    def _exact(self) -> list[str]:
        text = self._text
        if text.startswith(self._prefix):
            return [] if text.startswith(self._others) else [text]
        return [f"{self._prefix}{text}"] if text else []

    async def _by_index(self) -> list[str]:
        filters = list(self._filters())
        if not filters:
            return []
        try:
            return await find_keys(self._cls, reduce(or_, filters), self._most)
        except NotIndexedError:  # the index is not there; parts of keys are found without
            return []

    def _filters(self) -> Iterator[Expression]:
        if not self._text:
            return
        for name, spec in spec_of(self._cls).fields.items():
            field: Any = None if spec.index is None else operand(self._cls, name)
            if not isinstance(field, FieldOperand):
                continue
            try:
                offers = kind_at(spec, Place().field(name))[0].offers
                if "prefix" in offers:
                    yield from (field.prefix(text) for text in _spellings(self._text))
                if "matches" in offers:
                    yield field.matches(self._text)
            except BadFilterError:  # the text has no words, or such a field takes none
                continue

    async def _by_key(self) -> list[str]:
        """Return keys with the text in what comes behind the name of the class, whatever its case (SCAN)."""
        part = self._text
        if part.lower().startswith(self._prefix.lower()):
            part = part[len(self._prefix) :]
        return await self._matching(f"*{_any_case(part)}*" if part else "*")

    async def _by_class(self) -> list[str]:
        """Return any keys of the class, where the text is how its name begins (SCAN)."""
        return await self._matching("*") if self._prefix.lower().startswith(self._text.lower()) else []

    async def _matching(self, pattern: str) -> list[str]:
        whole = glob_escape(self._prefix) + pattern
        listed = await self._source.router.on_each(lambda server: self._scanned(server, whole))
        return list(dict.fromkeys(key for keys in listed for key in keys))[: self._most]

    async def _scanned(self, server: ClientSource, pattern: str) -> list[str]:
        found: dict[str, None] = {}
        cursor = 0
        for _ in range(LOOKED_AT // _PER_SCAN):
            cursor, keys = await run(server, scan_keys(cursor, pattern, _PER_SCAN, _DOCUMENT))
            found.update(dict.fromkeys(key for key in keys if not key.startswith(self._others)))
            if cursor == 0 or len(found) >= self._most:
                return sorted(found)
        self.gave_up = True
        return sorted(found)


def _spellings(text: str) -> list[str]:
    """Return a text as fields may have it: an index of exact texts tells capitals apart."""
    return list(dict.fromkeys((text, text.capitalize(), text.title())))


def _any_case(text: str) -> str:
    return "".join(
        f"[{char.lower()}{char.upper()}]" if char.isascii() and char.isalpha() else glob_escape(char)
        for char in text
    )

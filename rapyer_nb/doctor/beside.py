"""Whether the keys beside documents have their documents, and hold what their fields are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rapyer.commands.companion import main_of
from rapyer.model.registry import registry
from rapyer_nb.doctor.documents import listed
from rapyer_nb.doctor.finding import broken, fine, warning
from rapyer_nb.doctor.keyspace import NOTHING

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from rapyer.model.companions import Companion
    from rapyer_nb.doctor.finding import Finding
    from rapyer_nb.doctor.keyspace import Key
    from rapyer_nb.doctor.patient import Patient

_SET, _QUEUE = "set", "zset"
_KINDS: Final = {_SET: "a set", _QUEUE: "a sorted set"}


async def beside(patient: Patient) -> AsyncGenerator[Finding, None]:
    """Look at the keys of sets and queues, and whether their documents are there (TYPE, PTTL)."""
    seen = await patient.keyspace.seen()
    there = [key for key in await patient.keyspace.looked_at(seen.beside.sample) if key.kind != NOTHING]
    mains = await patient.keyspace.looked_at([main_of(key.name) or "" for key in there])
    pairs = list(zip(there, mains, strict=True))
    told = f"{seen.told(seen.beside, 'key')} beside documents looked at"
    orphans = [key for key, main in pairs if main.kind == NOTHING]
    names = listed([key.name for key in orphans])
    if orphans:
        ending = sum(key.left is not None for key in orphans)
        alone = "1 ends by itself" if ending == 1 else f"{ending:,} end by themselves"
        by_themselves = f", of which {alone}" if ending else ""
        yield warning(
            f"{told}, {len(orphans):,} of them without a document{by_themselves}: {names}",
            "DEL them, if no program is about to save the models that they belong to",
        )
    else:
        yield fine(f"{told}, each has its document" if pairs else seen.nothing("keys beside documents"))
    for finding in _of_fields(patient, [pair for pair in pairs if pair[1].kind != NOTHING]):
        yield finding


def _of_fields(patient: Patient, pairs: list[tuple[Key, Key]]) -> Iterator[Finding]:
    nameless, wrong, lasting = [], [], []
    for key, main in pairs:
        model = registry.owner_of(main.name)
        if model not in patient.models:
            continue
        companion = next((one for one in _companions(model) if one.key(main.name) == key.name), None)
        if companion is None:
            nameless.append(key.name)
        elif key.kind != _kind_of(companion):
            wrong.append(
                f"{key.name} holds a {key.kind}, and {companion.name} is {_KINDS[_kind_of(companion)]}"
            )
        elif main.left is not None and key.left is None:
            lasting.append(key.name)
    if wrong:
        yield broken(
            f"{_keys(wrong, 'holds', 'hold')} another type: {'; '.join(wrong[:3])}",
            "rename or delete them: loading such a model fails",
        )
    if nameless:
        yield warning(
            f"{_keys(nameless, 'belongs', 'belong')} to no field of the class: {listed(nameless)}",
            "DEL them, if the fields are gone for good",
        )
    if lasting:
        yield warning(
            f"{_keys(lasting, 'lasts', 'last')} longer than the document: {listed(lasting)}",
            "await model.refresh_ttl() on each lets all keys of a model end together",
        )


def _keys(names: list[str], does: str, do: str) -> str:
    return (
        f"1 key beside a document {does}" if len(names) == 1 else f"{len(names):,} keys beside documents {do}"
    )


def _companions(model: object) -> tuple[Companion, ...]:
    found: tuple[Companion, ...] = model.__rapyer_spec__.companions  # type: ignore[attr-defined]
    return found


def _kind_of(companion: Companion) -> str:
    return _SET if issubclass(companion.kind, set) else _QUEUE

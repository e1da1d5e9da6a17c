"""Whether the indexes of the server are those that the classes declare, and whose the others are."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from rapyer.commands.aliases import list_indexes
from rapyer.errors import RapyerError
from rapyer.model.registry import registry
from rapyer.search.index import declared, index_name
from rapyer.search.migrate import look
from rapyer.search.plan import plan_for
from rapyer.session.executor import run
from rapyer_nb.doctor.finding import broken, fine, unchecked, warning
from rapyer_nb.doctor.models import NAME_THEM
from rapyer_nb.views.note import counted

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from rapyer import AtomicRedisModel
    from rapyer.search.drift import ModelIndex
    from rapyer.session.clients import ClientSource
    from rapyer_nb.doctor.finding import Finding
    from rapyer_nb.doctor.patient import Patient

_APPLY: Final = "rapyer-nb index apply MODULE, or %rapyer_index apply; init_rapyer does it, too"
_BODY: Final = re.compile(r"(?P<front>.+):v[0-9a-f]{8}:built")
_SHOWN: Final = 10


async def indexes(patient: Patient) -> AsyncGenerator[Finding, None]:
    """Compare indexes with what classes declare, and look for those of no class (FT._LIST, FT.INFO)."""
    indexed = [model for model in patient.models if _has_index(model)]
    if patient.source.database and indexed:
        yield broken(
            f"the server finds the indexed fields of {_named(indexed)} in database 0 only, "
            f"not in database {patient.source.database}",
            "connect to database 0",
        )
        return
    usable = [model for model in patient.models if _is_declared(model)]
    plan = await plan_for([(model, registry.source_for(model)) for model in usable])
    for index in plan.indexes:
        for finding in of_index(index):
            yield finding
    for finding in await _of_nobody(patient):
        yield finding


def of_index(index: ModelIndex) -> Iterator[Finding]:
    """Yield what is to be said of the index of a class."""
    name = f"{index.model}: {index.index}"
    differences = f" ({'; '.join(index.differences)})" if index.differences else ""
    left = [step.index for step in index.steps if step.action == "drop"]
    if index.state == "up to date":
        yield fine(f"{name} is up to date, {counted(index.documents, 'document')}")
        if left:
            yield warning(
                f"{name}: {', '.join(left)} is left from another version of the class",
                "rapyer-nb index drop MODULE, or %rapyer_index drop, if no program uses that version",
            )
    elif index.state == "missing":
        yield warning(f"{name} is missing: it is built before the first search", _APPLY)
    else:
        yield warning(f"{name} is {index.state}{differences}", _APPLY)
    if index.failures:
        yield broken(
            f"{name} could not take in {counted(index.failures, 'document')}, which no search finds",
            "mend the values that do not fit the fields' types: FT.INFO names the last one, "
            "and the documents below that do not load may be among them",
        )
    if index.foreign:
        yield warning(
            f"{name} is the name of an index that is not made for the class",
            f"FT.DROPINDEX {index.foreign}, if nobody needs it; searches use another name meanwhile",
        )


async def _of_nobody(patient: Patient) -> list[Finding]:
    fronts = {index_name(model) for model in patient.models}
    found: dict[str, int] = {}
    for names in await patient.source.router.on_each(_listed, searching=True):
        for name, documents in names.items():
            if _front(name) not in fronts:
                found[name] = found.get(name, 0) + documents
    if not found:
        return [fine("there is no index without a class")] if patient.models else []
    shown = ", ".join(f"{name} ({counted(documents, 'document')})" for name, documents in found.items())
    if not patient.models:
        return [unchecked(f"there are indexes whose classes are not known: {shown}", NAME_THEM)]
    return [
        warning(
            f"no model that was named has the {'indexes' if len(found) > 1 else 'index'} {shown}",
            f"FT.DROPINDEX {next(iter(found))}, if no other program uses it; documents stay",
        )
    ]


async def _listed(server: ClientSource) -> dict[str, int]:
    """Return the indexes that look like the library's, each with how many documents it holds."""
    place = server.router.local_name("")
    own = [name for name in await run(server, list_indexes()) if name.startswith("idx:")]
    found = {}
    for name in own[:_SHOWN]:
        seen = await look(server, name)
        found[name.removesuffix(place)] = 0 if seen is None else seen.state.documents
    return found | {name.removesuffix(place): 0 for name in own[_SHOWN:]}


def _front(name: str) -> str:
    match = _BODY.fullmatch(name)
    return name if match is None else match["front"]


def _is_declared(model: type[AtomicRedisModel]) -> bool:
    try:
        list(declared(model))
    except RapyerError:  # which the check of the models tells
        return False
    return True


def _has_index(model: type[AtomicRedisModel]) -> bool:
    return _is_declared(model) and any(declared(model))


def _named(models: list[type[AtomicRedisModel]]) -> str:
    return ", ".join(model.__name__ for model in models)

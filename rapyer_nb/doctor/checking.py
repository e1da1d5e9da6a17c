"""All checks, one after the other; one that fails becomes a finding itself."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing, nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from rapyer import find_redis_models
from rapyer.errors import RapyerError
from rapyer.model.forward import resolve_forward_references
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer.session.using import using
from rapyer_nb.doctor import packages
from rapyer_nb.doctor.beside import beside
from rapyer_nb.doctor.clock import clock
from rapyer_nb.doctor.documents import documents
from rapyer_nb.doctor.finding import Finding, broken, unchecked
from rapyer_nb.doctor.hearing import hearing
from rapyer_nb.doctor.indexes import indexes
from rapyer_nb.doctor.keyspace import Keyspace
from rapyer_nb.doctor.lifetimes import lifetimes
from rapyer_nb.doctor.memory import memory
from rapyer_nb.doctor.models import models as of_models
from rapyer_nb.doctor.modules import modules
from rapyer_nb.doctor.patient import Check, Patient
from rapyer_nb.doctor.reaching import Reached, latency, reach
from rapyer_nb.doctor.report import Report, Section
from rapyer_nb.doctor.rights import rights
from rapyer_nb.doctor.troubles import unexamined
from rapyer_nb.errors import NotebookError
from rapyer_nb.sources import Target, check_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from redis.asyncio import Redis, RedisCluster

    from rapyer import AtomicRedisModel

    Told = Callable[[int, int | None], object]

SAMPLE: Final = 1000
"""How many keys of each kind are looked at, where nothing else is said."""

SECONDS: Final = 10.0
"""For how many seconds keys are looked for, where nothing else is said."""

_PATIENCE: Final = 30.0
"""Seconds that a check may take beside the looking for keys."""

_DEADLINE: Final = 2.0
"""Seconds for which a server that does not answer is asked again."""

CHECKS: Final = (
    Check("Latency", latency),
    Check("Modules", modules),
    Check("Memory and disk", memory),
    Check("Permissions", rights),
    Check("Live changes", hearing),
    Check("Clock", clock),
    Check("Models", of_models),
    Check("Indexes", indexes),
    Check("Times to live", lifetimes),
    Check("Documents", documents),
    Check("Sets and queues", beside),
)
"""What is done with a server that answers, in order."""

_HERE: Final = (
    ("Python", packages.of_python),
    ("Packages", packages.of_packages),
    ("Embedded server", packages.of_embedded),
)


@dataclass(frozen=True)
class Scope:
    """How much is looked at.

    Attributes:
        models: The classes.
        sample: How many keys of each kind.
        seconds: For how long keys are looked for.
        told: Is told how many checks are done, and of how many.
        kept: Whether what is stored is meant to be kept.
    """

    models: tuple[type[AtomicRedisModel], ...]
    sample: int
    seconds: float
    told: Told
    kept: bool = True

    def patient(self, reached: Reached) -> Patient:
        """Return what is examined of a server that answers."""
        keyspace = Keyspace(reached.source, self.models, self.sample, self.seconds)
        return Patient(reached.source, self.models, reached.nodes, keyspace, self.kept)


async def acheck(
    redis: str | Redis | RedisCluster | ClientSource | None = None,
    *,
    models: Iterable[type[AtomicRedisModel]] | None = None,
    sample: int = SAMPLE,
    seconds: float = SECONDS,
    kept: bool = True,
    told: Told | None = None,
) -> Report:
    """Look at everything that the library needs, and tell what to do about what is not as it should be.

    It reads only: INFO, COMMAND INFO, CONFIG GET, TIME; FT._LIST and FT.INFO; SCAN, TYPE, PTTL and JSON.MGET,
    which start no time to live anew; and to learn what the user may do, commands on keys that do not exist.

    Args:
        redis: The server, as a URL or a client; the one that models use if it is left out.
        models: The classes to look at; all that are known if they are left out.
        sample: How many documents of each class, and keys beside documents, are looked at at the most.
        seconds: For how long keys are looked for.
        kept: Whether what is stored is meant to be kept, as no cache is.
        told: Is told how many checks of a server are done, and of how many.

    Returns:
        The findings, in sections; what cannot be looked at is a finding, too, and nothing is raised for it.

    Raises:
        NotebookError: `redis` is something else.
    """
    start = time.perf_counter()
    scope = Scope(
        tuple(find_redis_models() if models is None else models), sample, seconds, told or _nobody, kept
    )
    sections = list(_here())
    resolve_forward_references(registry.snapshot())
    registry.index_versions.clear()  # fields of classes that were not complete are known only now
    if isinstance(redis, str):
        sections += await _of_url(redis, scope)
    else:
        source = registry.source_in_use if redis is None else ClientSource.of(redis)
        if source is None:
            raise NotebookError(
                f"there is no server behind a {type(redis).__name__}",
                hint="give a URL such as redis://localhost:6379/0, or a redis.asyncio client",
            )
        sections += await _of_servers(source, scope)
    return Report(tuple(sections), time.perf_counter() - start)


def without_server(trouble: str, cure: str) -> Report:
    """Return the findings about what is here, where there is no server to look at.

    Args:
        trouble: Why there is none.
        cure: What to do about it.
    """
    return Report((*_here(), Section("Server", (broken(trouble, cure),)), _not_asked()))


def _here() -> Iterator[Section]:
    for title, look in _HERE:
        try:
            findings = tuple(look())
        except Exception as error:
            findings = (unexamined(error),)
        yield Section(title, findings)


async def _of_url(url: str, scope: Scope) -> list[Section]:
    try:
        check_url(Target(url, "the address"))
    except NotebookError as error:
        return [Section("Server", (broken(error.message, error.hint or ""),)), _not_asked()]
    source = ClientSource.from_url(url, deadline=_DEADLINE)
    try:
        return await _of_servers(source, scope, url)
    finally:
        await source.aclose()


async def _of_servers(source: ClientSource, scope: Scope, url: str = "") -> list[Section]:
    """Look at a server with the classes on it, and at those that classes name themselves."""
    with using(source):
        places: dict[ClientSource, list[type[AtomicRedisModel]]] = {source.without_tokens: []}
        sections: list[Section] = []
        for model in scope.models:
            try:
                places.setdefault(registry.source_for(model).without_tokens, []).append(model)
            except RapyerError as error:  # its `Meta` names no server
                sections.append(Section(model.__name__, (broken(error.message, error.hint or ""),)))
        for place, own in places.items():
            found = await _of_server(place, replace(scope, models=tuple(own)), url if place == source else "")
            head = f"{place.describe()}: " if len(places) > 1 else ""
            sections += [Section(f"{head}{section.title}", section.findings) for section in found]
        return sections


async def _of_server(source: ClientSource, scope: Scope, url: str) -> list[Section]:
    reached = await reach(source, url)
    server = Section("Server", reached.findings)
    if not reached.nodes:
        return [server, _not_asked()]
    try:
        with using(reached.source) if reached.source is not source else nullcontext():
            return [server, *await _examined(scope.patient(reached), scope.told)]
    finally:
        if reached.source is not source:
            await reached.source.aclose()


async def _examined(patient: Patient, told: Told) -> list[Section]:
    sections: list[Section] = []
    for number, check in enumerate(CHECKS, 1):
        sections.append(Section(check.title, await findings_of(check, patient)))
        told(number, len(CHECKS))
    return [section for section in sections if section.findings]


async def findings_of(check: Check, patient: Patient) -> tuple[Finding, ...]:
    """Do a check and return what it finds; where it fails, that is the last finding."""
    findings: list[Finding] = []

    async def examine() -> None:
        async with aclosing(check.examine(patient)) as found:
            async for finding in found:
                findings.append(finding)  # noqa: PERF401 - what was found before a failure counts

    try:
        await asyncio.wait_for(examine(), _PATIENCE + patient.keyspace.seconds)
    except Exception as error:
        findings.append(unexamined(error))
    return tuple(findings)


def _not_asked() -> Section:
    titles = ", ".join(check.title.lower() for check in CHECKS)
    return Section("Not checked", (unchecked(f"without a server: {titles}"),))


def _nobody(done: int, total: int | None) -> None:
    """Tell nobody."""

"""Whether the server knows the commands that the library sends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rapyer.commands.permissions import Place, probes
from rapyer.commands.server import known_commands
from rapyer.search.index import declared
from rapyer.session.executor import run
from rapyer_nb.doctor.finding import broken, fine, warning

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from rapyer.session.clients import ClientSource
    from rapyer_nb.doctor.finding import Finding
    from rapyer_nb.doctor.patient import Patient

_MODULES: Final = {"JSON.": "RedisJSON", "FT.": "RediSearch"}
_SERVER: Final = "use a server that has it, such as Redis 8 or Redis Stack; rapyer-nb serve starts one"
_NEWER: Final = "use a newer server, such as Redis 8 or Redis Stack"


async def modules(patient: Patient) -> AsyncGenerator[Finding, None]:
    """Ask for each command that the library sends whether the server knows it (COMMAND INFO)."""
    source = patient.source
    sent = [Place("x:", index="idx:x", sets=True, queues=True)]
    names = sorted({probe.name for probe in probes(sent, "x", cluster=source.is_cluster)})
    indexed = any(_is_indexed(model) for model in patient.models)

    async def ask(server: ClientSource) -> tuple[str, dict[str, bool]]:
        return server.describe(), await run(server, known_commands(*names))

    for number, (address, known) in enumerate(await source.router.on_each(ask)):
        name = patient.called(address)
        versions = patient.nodes[number].modules if number < len(patient.nodes) else None
        told = {"ReJSON": 0, "search": 0} | dict(versions or {})
        for head, module in _MODULES.items():
            yield _of_module(name, head, module, known, needed=head == "JSON." or indexed, told=told)
        if lacking := [name for name in known if "." not in name and not known[name]]:
            yield broken(f"{name} is too old: it does not know {', '.join(lacking)}", _NEWER)


def _of_module(
    server: str, head: str, module: str, known: dict[str, bool], *, needed: bool, told: dict[str, int]
) -> Finding:
    own = [name for name in known if name.startswith(head)]
    lacking = [name for name in own if not known[name]]
    if not lacking:
        version = told.get({"RedisJSON": "ReJSON", "RediSearch": "search"}[module], 0)
        return fine(f"{server} has {module}{_version(version)}: it knows all {len(own)} of its commands")
    if len(lacking) < len(own):
        return broken(f"{server} has an old {module}, without {', '.join(lacking)}", _NEWER)
    if needed:
        return broken(f"{server} lacks the module {module}", _SERVER)
    return warning(f"{server} lacks the module {module}, without which no field can be indexed", _SERVER)


def _is_indexed(model: object) -> bool:
    try:
        return any(declared(model))  # type: ignore[arg-type]
    except Exception:  # which the check of the models tells
        return True


def _version(number: int) -> str:
    return f" {number // 10_000}.{number // 100 % 100}.{number % 100}" if number else ""

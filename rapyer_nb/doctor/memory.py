"""Whether the server keeps what it is given: when its memory is full, and when it restarts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from redis.exceptions import ResponseError

from rapyer.commands.server import setting
from rapyer.session.executor import run
from rapyer_nb.doctor.finding import broken, fine, unchecked, warning
from rapyer_nb.views.waterfall import sized

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from rapyer.session.clients import ClientSource
    from rapyer_nb.doctor.finding import Finding
    from rapyer_nb.doctor.patient import Patient
    from rapyer_nb.seeing import NodeInfo

_FULL: Final = 0.9
_KEEP: Final = (
    "CONFIG SET maxmemory-policy noeviction, so that a full server refuses writes and loses nothing"
)
_MORE: Final = (
    "CONFIG SET maxmemory with more bytes, or delete what is not needed; %rapyer_memory tells what takes it"
)


async def memory(patient: Patient) -> AsyncGenerator[Finding, None]:
    """Look at the memory of each server, and at what it writes to disk (CONFIG GET save)."""
    saves = await patient.source.router.on_each(_saves)
    for node, save in zip(patient.nodes, saves, strict=False):
        server = patient.called(node.address)
        if not node.fields:
            yield unchecked(f"{server}: this user may not ask (INFO)", "ACL SETUSER <user> +info lets it")
            continue
        yield _of_policy(server, node)
        yield _of_fullness(server, node)
        for finding in _of_disk(server, node, save, kept=patient.kept):
            yield finding


def _of_policy(server: str, node: NodeInfo) -> Finding:
    policy, limit = node.fields.get("maxmemory_policy", ""), node.number("maxmemory")
    if policy in {"", "noeviction"}:
        return fine(f"{server} deletes no key to make room (maxmemory-policy noeviction)")
    if not limit:
        return fine(f"{server} has no memory limit, so maxmemory-policy {policy} deletes nothing")
    when = f"when {sized(limit)} are used (maxmemory-policy {policy})"
    if policy.startswith("allkeys"):
        return warning(f"{server} deletes any key {when}: models will vanish", _KEEP)
    return warning(
        f"{server} deletes keys with a time to live {when}: models that have one may vanish early, "
        "and locks before they are released",
        _KEEP,
    )


def _of_fullness(server: str, node: NodeInfo) -> Finding:
    used, limit = node.number("used_memory"), node.number("maxmemory")
    if not limit:
        return fine(f"{server} uses {sized(used)} of memory, without a limit")
    text = f"{server} uses {sized(used)} of memory, {used / limit:.0%} of its limit {sized(limit)}"
    if used >= limit and node.fields.get("maxmemory_policy") == "noeviction":
        return broken(f"{text}: it refuses writes", _MORE)
    return warning(text, _MORE) if used >= _FULL * limit else fine(text)


def _of_disk(server: str, node: NodeInfo, save: str | None, *, kept: bool) -> Iterator[Finding]:
    for name, what in (
        ("rdb_last_bgsave_status", "the last snapshot to disk failed"),
        ("aof_last_write_status", "the last write to the append-only file failed"),
    ):
        if node.fields.get(name, "ok") != "ok":
            yield broken(
                f"{server}: {what}, and the server may refuse writes",
                "see the server's log, and its disk",
            )
    if node.fields.get("aof_enabled") == "1":
        yield fine(f"{server} writes each change to disk (appendonly yes)")
    elif save is None:
        yield unchecked(f"{server}: this user may not ask what is written to disk (CONFIG GET save)")
    elif save:
        yield fine(f"{server} writes snapshots to disk (save {save}): a crash loses what is newer")
    elif not kept:
        yield fine(f"{server} keeps nothing on disk, and is not meant to")
    else:
        yield warning(
            f"{server} keeps nothing on disk: a restart loses all",
            "CONFIG SET appendonly yes, unless the data may be lost",
        )


async def _saves(server: ClientSource) -> str | None:
    try:
        return await run(server, setting("save"))
    except ResponseError:  # the rules of the server do not let this connection ask
        return None

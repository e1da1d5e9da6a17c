"""What the user that the library connects as may not do, found out before it is needed."""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from redis.exceptions import NoPermissionError

from rapyer.codec.replies import text
from rapyer.commands.permissions import Place, Probe, probes, whoami
from rapyer.errors import MissingPermissionError
from rapyer.session.executor import attempt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rapyer.session.clients import ClientSource

logger = logging.getLogger("rapyer")

_IN_SCRIPT = "ACL failure in script"
"""How the server says that a user may not run what a script runs."""

_WRITING_FAILS = "writing or locking models may fail"

_SHOWN = 5
"""How many commands a message names; the rule names all of them."""


@dataclass(frozen=True, slots=True)
class Lack:
    """What a user may not do.

    Attributes:
        error: What it is, with the rule to add.
        reads: Whether without it nothing can be read.
        outcome: What does not work without it, as a clause.
    """

    error: MissingPermissionError
    reads: bool
    outcome: str


async def check_permissions(source: ClientSource, places: Sequence[Place], *, tokens: bool = False) -> None:
    """Look what the user may do with the models of some classes, without doing it, in one round trip.

    A user that may only read is warned of on the logger `rapyer`, as it may be meant to.

    Args:
        source: The server.
        places: Where each class keeps its models.
        tokens: Whether writes of a class run exactly once.

    Raises:
        MissingPermissionError: The user may not read all of these models.
    """
    lack = await lack_of(source, places, tokens=tokens)
    if lack is None:
        return
    if lack.reads:
        raise lack.error
    logger.warning("%s, so %s; %s", lack.error.message, lack.outcome, lack.error.hint)


async def lack_of(source: ClientSource, places: Sequence[Place], *, tokens: bool = False) -> Lack | None:
    """Return what the user may not do with the models of some classes; None where that is nothing.

    What is sent, in one round trip, asks for keys that do not exist, so it writes nothing; what is refused
    shows in the server's ACL LOG.

    Args:
        source: The server.
        places: Where each class keeps its models.
        tokens: Whether writes of a class run exactly once.
    """
    if not places:
        return None
    asked = list(probes(places, os.urandom(8).hex(), tokens=tokens, cluster=source.is_cluster))
    user, *replies = await attempt(source, [whoami(), *(probe.command for probe in asked)])
    refused = [
        (probe, str(reply))
        for probe, reply in zip(asked, replies, strict=True)
        if isinstance(reply, NoPermissionError) or _IN_SCRIPT in str(reply)
    ]
    missing = _missing(source, "" if isinstance(user, Exception) else text(user), refused)
    if missing is None:
        return None
    return Lack(missing, any(probe.reads for probe, _ in refused), _outcome(missing, places))


def _outcome(missing: MissingPermissionError, places: Sequence[Place]) -> str:
    only_channels = not (missing.commands or missing.patterns)
    only_indexes = not (only_channels or missing.patterns) and all(
        name.startswith("FT.") for name in missing.commands
    )
    if only_channels:
        return "waiters hear later that a lock is free"
    if only_indexes:
        return "indexes cannot be built or brought up to date"
    if any(place.renews for place in places):
        return f"{_WRITING_FAILS}, and reading those whose time to live that renews"
    return _WRITING_FAILS


def _missing(
    source: ClientSource, user: str, refused: Sequence[tuple[Probe, str]]
) -> MissingPermissionError | None:
    commands: dict[str, Any] = {}
    patterns: dict[str, Any] = {}
    channels: dict[str, Any] = {}
    for probe, said in refused:
        # The server looks at the command first, then at the keys, then at the channels.
        if "channel" in said:
            channels[probe.pattern] = None
        elif "key" in said and "to run" not in said:
            patterns[probe.pattern] = None
        else:
            commands[probe.name] = None
    patterns.pop("", None)
    parts = [
        f"run {_shown(commands)}" if commands else "",
        f"use the keys {', '.join(patterns)}" if patterns else "",
        f"use the channels {', '.join(channels)}" if channels else "",
    ]
    lacking = [part for part in parts if part]
    if not lacking:
        return None
    rule = [f"+{name.lower()}" for name in commands]
    rule += [*(f"~{pattern}" for pattern in patterns), *(f"&{pattern}" for pattern in channels)]
    return MissingPermissionError(
        f"the user {user} of {source.describe()} may not {', nor '.join(lacking)}".replace(
            "user  of", "user of"
        ),
        commands=tuple(commands),
        patterns=tuple(patterns),
        channels=tuple(channels),
        hint=f"ACL SETUSER {user or '<user>'} {' '.join(rule)}",
    )


def _shown(commands: Iterable[str]) -> str:
    names = list(commands)
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")

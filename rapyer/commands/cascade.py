"""The command that starts times to live anew along references."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from rapyer.commands.cascade_walk import walked
from rapyer.commands.command import Command, Effect
from rapyer.result import CascadeResult
from rapyer.scripts.script import Script

if TYPE_CHECKING:
    from collections.abc import Sequence

_CASCADE = Script("cascade")


def cascade(keys: Sequence[str], seconds: int, plan: str, lifetimes: Sequence[int]) -> Command[CascadeResult]:
    """Let models end after some time, and what they refer to not before the time of its class, in a script.

    On a cluster the models get their time so, and what they refer to after that, step by step.

    Args:
        keys: The main keys of the models, all of the plan's root class; their companions go with them.
        seconds: Their time to live.
        plan: The JSON text of what is followed from where (see the script).
        lifetimes: The seconds to live of each class of the plan; 0 leaves its instances as they are.
    """
    return Command(
        "EVALSHA",
        tuple(keys),
        (plan, seconds, *lifetimes),
        _result,
        Effect.IDEMPOTENT,
        script=_CASCADE,
        stages=partial(walked, keys, seconds, plan, lifetimes),
    )


def _result(reply: Any) -> CascadeResult:
    children, specials, mismatched = map(int, reply)
    return CascadeResult(dangling_children=children, dangling_special=specials, mismatched_class=mismatched)

"""What the library has to reach, as ratios to the other contenders (the gates of the project's design)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.timing import Rounds

OURS = "ours"
MARGIN = 0.15
"""How much of a ratio is noise: a gate that is missed by less is told apart from one that is missed."""


@dataclass(frozen=True, slots=True)
class Gate:
    """One demand: our cost is at most so many times that of another contender.

    Attributes:
        base: The other contender.
        limit: The highest ratio; below one where the other has to be beaten, such as 0.5 for "twice as fast".
    """

    base: str
    limit: float

    def judged(self, rounds: Rounds) -> str | None:
        """Return "met", "noise" or "missed", or None where the other contender was not measured."""
        if self.base not in rounds.costs or OURS not in rounds.costs:
            return None
        ratio = rounds.ratio(OURS, self.base).median
        if ratio <= self.limit:
            return "met"
        return "noise" if ratio <= self.limit * (1 + MARGIN) else "missed"

    def __str__(self) -> str:
        if self.limit < 0.6 and self.base in {"1.3.6", "om"}:
            return f">={1 / self.limit:g}x faster than {self.base}"
        return f"<={self.limit:g} {self.base}"


# The first pattern that fits an operation's name holds.
_GATES: tuple[tuple[str, tuple[Gate, ...]], ...] = (
    (r"construct", (Gate("plain", 1.3), Gate("1.3.6", 1 / 12))),
    (r"read again|set attribute", (Gate("plain", 1.3),)),
    (r"(list\.append|dict set) local", (Gate("1.3.6", 1 / 4),)),
    (r"define 50", (Gate("plain", 2.0),)),
    (r"memory live", (Gate("plain", 1.3), Gate("alone", 1.05))),
    (r"memory", (Gate("plain", 1.15),)),
    (r"import", (Gate("plain", 1.15),)),
    (r"aget x80", ()),
    (r"(aget|aload) ", (Gate("raw", 1.3), Gate("1.3.6", 1 / 2))),
    (r"asave", (Gate("raw", 1.3),)),
    (r"adelete ", (Gate("raw", 1.15),)),
    (r"int increase|list append|dict set", (Gate("raw", 1.15),)),
    (r"pipeline", (Gate("raw", 1.5),)),
    (r"lock", (Gate("raw", 0.8),)),
    (r"cascade", (Gate("raw", 0.5),)),
    (r"ainsert", (Gate("rp", 1.15), Gate("1.3.6", 1 / 2))),
    (r"afind (expr|all) beside", (Gate("alone", 1.5),)),
    (r"afind all .* 3f", (Gate("rp", 1.3), Gate("1.3.6", 1 / 4.5), Gate("om", 1 / 3))),
    (r"afind all", (Gate("rp", 1.3), Gate("1.3.6", 1 / 8), Gate("om", 1 / 3))),
    (r"afind by keys .* 3f", (Gate("rp", 1.3), Gate("1.3.6", 1 / 6))),
    (r"afind by keys", (Gate("rp", 1.3), Gate("1.3.6", 1 / 10))),
    (r"afind expr", (Gate("raw", 1.4), Gate("1.3.6", 1 / 4.5))),
    (r"%rapyer_find", (Gate("lib", 1.3),)),
    (r"adelete_many", (Gate("raw", 1.6), Gate("1.3.6", 1 / 4))),
)


def gates_of(operation: str) -> tuple[Gate, ...]:
    """Return what the library has to reach for an operation."""
    return next((gates for pattern, gates in _GATES if re.match(pattern, operation)), ())

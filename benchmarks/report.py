"""The table of ratios."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.gates import OURS, gates_of

if TYPE_CHECKING:
    from benchmarks.timing import Rounds

CONTENDERS = ("plain", "raw", "rp", "om", "lib", "1.3.6", "alone")
_MARKS = {"met": "ok", "noise": "noise", "missed": "MISSED"}


def heading() -> str:
    """Return the first lines of the table."""
    titles = "".join(f"{'ours/' + name:>18}" for name in CONTENDERS)
    return f"{'operation':<32}{'ours':>10}{titles}   gates"


def row(operation: str, rounds: Rounds) -> str:
    """Return the line of one operation: our cost, and its ratio to each contender with the spread."""
    cells = "".join(f"{_cell(rounds, name):>18}" for name in CONTENDERS)
    gates = "; ".join(
        f"{gate} {_MARKS[told]}" for gate in gates_of(operation) if (told := gate.judged(rounds))
    )
    return f"{operation:<32}{_amount(operation, rounds.cost(OURS)):>10}{cells}   {gates or '-'}"


def footnote(operation: str, rounds: Rounds) -> str | None:
    """Return who cannot do the operation, and the classes of their errors; None where all can."""
    if not rounds.unable:
        return None
    told = ", ".join(f"{name} ends in {error}" for name, error in rounds.unable.items())
    return f"— {operation}: {told}"


def record(operation: str, rounds: Rounds) -> dict[str, Any]:
    """Return one operation as JSON data; costs are in seconds, those of memory in bytes."""
    others = [name for name in rounds.costs if name != OURS]
    ratios = {name: rounds.ratio(OURS, name) for name in others}
    return {
        "operation": operation,
        "cost": {name: rounds.cost(name) for name in rounds.costs},
        "ratio": {name: ratio.median for name, ratio in ratios.items()},
        "spread": {name: ratio.spread for name, ratio in ratios.items()},
        "unable": dict(rounds.unable),
        "gates": {str(gate): gate.judged(rounds) for gate in gates_of(operation)},
    }


def _cell(rounds: Rounds, name: str) -> str:
    if name not in rounds.costs:
        return "—" if name in rounds.unable else ""
    ratio = rounds.ratio(OURS, name)
    return f"{ratio.median:.3g} ±{50 * ratio.spread:.0f}%"


def _amount(operation: str, cost: float) -> str:
    if operation.startswith("memory"):
        return f"{cost:.0f} B"
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if cost * factor >= 1:
            return f"{cost * factor:.3g} {unit}"
    return f"{cost * 1e9:.0f} ns"

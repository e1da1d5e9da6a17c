"""Places inside a document that move: they are found, and written, by what somebody saw there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic_core import from_json, to_json

from rapyer.commands import json
from rapyer.commands.guarded import run_if
from rapyer.commands.json import SetIfResult
from rapyer.types import zones

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rapyer.codec.paths import JsonPath
    from rapyer.commands.command import Command
    from rapyer.commands.guarded import Guard, RunIfResult
    from rapyer_nb.widgets.phases import Write
    from rapyer_nb.widgets.places import Send


@dataclass(frozen=True)
class Spot:
    """A place in a document.

    Attributes:
        key: The document.
        path: The path.
        entry: Where it is in an entry of a list or dict, or is one: the path of that, and its text there. All
            that is written there is written only if that is still so, for entries move.
        steps: The way to it from that entry.
        holder: Of an entry of a list, the path of the list.
    """

    key: str
    path: JsonPath
    entry: Guard | None = None
    steps: tuple[int | str, ...] = ()
    holder: JsonPath | None = None

    def child(self, name: str) -> Spot:
        """Return the place of a member."""
        return replace(self, path=self.path.child(name), steps=(*self.steps, name), holder=None)

    def inside(self, step: int | str, raw: bytes) -> Spot:
        """Return the place of an entry of the collection here.

        Args:
            step: Its position or key.
            raw: Its text, as JSON.GET of its path gives it.
        """
        listed = isinstance(step, int)
        path = self.path.item(step) if isinstance(step, int) else self.path.child(step)
        steps = () if self.entry is None else (*self.steps, step)
        return Spot(self.key, path, self.entry or (path, raw), steps, self.path if listed else None)

    def seen(self, raw: bytes) -> Spot:
        """Return the same place in an entry whose text is another one now."""
        return self if self.entry is None else replace(self, entry=(self.entry[0], raw))

    def run(
        self, guards: Sequence[Guard], commands: Sequence[Command[Any]], tell: str
    ) -> Command[RunIfResult]:
        """Return what runs commands where the place is still what was seen, and other parts are, too.

        Args:
            guards: The other parts.
            commands: The commands.
            tell: What the result tells; where the place is in an entry, that tells the entry.
        """
        if self.entry is None:
            return run_if(self.key, guards, commands, tell=tell)
        return run_if(self.key, (self.entry, *guards), commands, tell=self.entry[0])


@dataclass(frozen=True)
class SpotPlace:
    """A field, or an entry, at a place that moves; nothing is read there: the whole collection is.

    Attributes:
        spot: The place.
        zoned: The path of the object with an indexed time, and its name there, as in `DocumentPlace`.
    """

    spot: Spot
    zoned: tuple[JsonPath, str] | None = None
    beside: ClassVar[None] = None

    def reads(self) -> Sequence[Command[Any]]:
        """Return nothing."""
        return ()

    def raw(self, replies: Sequence[Any]) -> bytes | None:
        """Return nothing: its collection tells what is there."""
        return b"[]"

    def part(self, raw: bytes) -> bytes:
        """Return what is at the place, as JSON.GET of its path gives it.

        Args:
            raw: The text of the whole entry, likewise.
        """
        found = from_json(raw)
        for at, step in enumerate(self.spot.steps):
            held = found[0] if found else None
            if isinstance(held, dict) and step in held:
                zone = held.get(f"{step}{zones.BESIDE}") if self._is_time(at) else None
                found = [held[step] if zone is None else [held[step], zone]]
            elif isinstance(held, list) and isinstance(step, int) and step < len(held):
                found = [held[step]]
            else:
                return b"[]"
        return raw if not self.spot.steps else to_json(found)

    def _is_time(self, at: int) -> bool:
        return self.zoned is not None and at == len(self.spot.steps) - 1

    async def write(self, send: Send, write: Write) -> SetIfResult:
        """JSON.SET in a script, if the entry is what was seen; the text of all of it then, or now."""
        spot, value = self.spot, write.value
        commands: list[Command[Any]] = []
        if self.zoned is not None:
            value, zone = zones.parted(value)
            commands.append(zones.write_note(spot.key, *self.zoned, zone))
        if spot.holder is not None and write.expected == b"[]":  # the list has become shorter
            commands.append(json.append(spot.key, spot.holder, [value]))
        else:
            commands.append(json.set_value(spot.key, spot.path, value))
        guards = () if spot.entry is not None else ((spot.path, write.expected),)
        result: RunIfResult = (await send(spot.run(guards, commands, spot.path)))[0]
        return SetIfResult(result.status, result.current)

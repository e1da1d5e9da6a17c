"""A small model of its own for the tests of what is around the fields of a form, and its form."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel, Field

from rapyer import AtomicRedisModel, Key
from rapyer.config import RedisConfig
from tests.nb.desk import Desk, until

if TYPE_CHECKING:
    import ipywidgets as W
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource


class Frame(BaseModel):
    colour: str = "white"


class StickyNote(AtomicRedisModel):
    Meta = RedisConfig(prefer_normal_json_dump=True)
    handle: Key[str] = "one"
    text: Annotated[str, Field(min_length=2)] = "Milk"
    size: int = 3
    price: float = 1.0
    done: bool = False
    tags: set[str] = {"shop"}
    frame: Frame | None = None


class NoteDesk(Desk):
    """A note and its form, with a client that stands for everybody else."""

    def __init__(self, note: Any, client: Redis, **how: Any) -> None:
        super().__init__(note, **how)
        self.client = client

    @property
    def head(self) -> str:
        """The HTML of the line with the name and the state."""
        return str(self.form._head._line.value)

    @property
    def notice(self) -> str:
        """What the form says above its fields."""
        return self.form._head.notice.text

    @property
    def foot(self) -> str:
        return str(self.form._foot.value)

    @property
    def tools(self) -> Any:
        return self.form._head._toolbar

    def choice(self, text: str) -> W.Button:
        """Return a button of the notice."""
        buttons = self.form._head.notice._buttons.children
        return next(button for button in buttons if button.description == text)

    async def stored(self, path: str = "$") -> Any:
        found = await self.client.json().get(self.model.key, path)
        return found[0] if found else None

    async def until_stored(self, path: str, value: Any) -> None:
        end = time.monotonic() + 30
        while (found := await self.stored(path)) != value:
            assert time.monotonic() < end, f"{path} is {found}"

    async def write(self, path: str, value: Any) -> None:
        await self.client.json().set(self.model.key, path, value)

    async def type(self, name: str, value: Any) -> None:
        """Type, and wait until it is saved."""
        self.input(name).value = value
        row = self.row(name)

        def saved() -> bool:
            return bool(row.binding.value == self.shown(name)) and row.binding.phase.name == "CLEAN"

        await until(saved, "it is saved")


async def sit_down(note: Any, source: ClientSource, **how: Any) -> NoteDesk:
    desk = NoteDesk(note, source.client(), **how)
    await until(lambda: desk.form._state == "live" and desk.form._present, "the form is live")
    return desk


@pytest.fixture
async def desk(source: ClientSource) -> NoteDesk:
    """A stored note, and its form."""
    note = await StickyNote().asave()
    return await sit_down(note, source)

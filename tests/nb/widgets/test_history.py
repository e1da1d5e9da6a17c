"""The last edits of a form, and taking them back."""

from __future__ import annotations

import pytest

from rapyer_nb.widgets.history import Edit, History


def undoing(log: list[str], name: str, reason: str | None = None) -> Edit:
    async def undo() -> str | None:
        log.append(name)
        return reason

    return Edit(name, undo)


async def test_the_last_edit_is_taken_back_first() -> None:
    log: list[str] = []
    history = History()
    for name in ("a", "b"):
        history.record(undoing(log, name))

    assert history.last is not None
    assert history.last.name == "b"
    undone = [await history.undo() for _ in range(3)]
    assert log == ["b", "a"]
    assert [one and (one.name, one.reason) for one in undone] == [("b", None), ("a", None), None]


async def test_an_edit_that_cannot_be_taken_back_says_why_and_is_forgotten() -> None:
    history = History()
    history.record(undoing([], "name", "somebody has changed it since"))

    undone = await history.undo()

    assert undone is not None
    assert undone.reason == "somebody has changed it since"
    assert len(history) == 0


async def test_an_edit_stays_where_redis_cannot_be_asked() -> None:
    async def undo() -> str | None:
        raise ConnectionError("away")

    history = History()
    history.record(Edit("name", undo))

    with pytest.raises(ConnectionError):
        await history.undo()
    assert len(history) == 1


async def test_only_so_many_are_remembered() -> None:
    log: list[str] = []
    history = History(most=2)
    for name in ("a", "b", "c"):
        history.record(undoing(log, name))

    while await history.undo():
        pass
    assert log == ["c", "b"]

"""`timeline(User)`: the last changes as they happen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from pydantic import Field

import rapyer_nb
from rapyer import AtomicRedisModel
from rapyer.errors import InvalidKeyError
from rapyer.live import feed_for
from rapyer.types import RedisSet
from rapyer_nb.errors import NotebookError
from rapyer_nb.widgets import Timeline, timeline
from tests.nb.desk import until

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"


class TimelineUser(AtomicRedisModel):
    name: str = "Ada"
    score: int = 0
    tags: RedisSet[str] = Field(default_factory=RedisSet)


@pytest.fixture
async def ada(source: ClientSource) -> TimelineUser:
    return await TimelineUser().asave()


async def live(log: Timeline) -> Timeline:
    await until(lambda: log._state == "live" and not log._reading, "it is live")
    return log


async def test_one_that_comes_later_is_live_too(ada: TimelineUser) -> None:
    await live(timeline(ada))
    await live(timeline(TimelineUser))


async def test_each_part_that_changes_is_a_line(ada: TimelineUser) -> None:
    log = await live(timeline(TimelineUser))
    assert "no change yet" in log._table.value
    await ada.aupdate(score=7)
    await until(lambda: "<ins>7</ins>" in log._table.value, "the change is shown")
    html = log._table.value
    assert 'role="log"' in html
    assert 'aria-label="Changes of TimelineUser"' in html
    assert 'tabindex="0"' in html
    assert "<b>score</b> <del>0</del> → <ins>7</ins>" in html
    assert str(ada.key) in html
    assert 'title="heard of by tracking"' in html
    await ada.tags.aadd("x")
    await until(lambda: "<b>tags</b>" in log._table.value, "the set is shown")
    (first, second) = log.journal.moments(20).text().splitlines()
    assert f"+ {ada.key} tags: 'x' (tracking)" in first
    assert f"~ {ada.key} score: 0 → 7 (tracking)" in second


async def test_new_and_deleted_documents_are_shown(ada: TimelineUser) -> None:
    log = await live(timeline(TimelineUser))
    await TimelineUser(name="new").asave()
    await until(lambda: "<b>name</b>" in log._table.value or "new" in log._table.value, "it is shown")
    await ada.adelete()
    await until(lambda: str(ada.key) in log._table.value, "it is shown")


async def test_only_so_many_are_shown(ada: TimelineUser) -> None:
    log = await live(timeline(ada, limit=3))
    for score in range(1, 7):
        await ada.aupdate(score=score)
        await until(lambda: f"<ins>{score}</ins>" in log._table.value, "it is shown")  # noqa: B023
    assert log._table.value.count("<li>") == 3
    assert len(log.journal) == 6


async def test_it_can_be_held(ada: TimelineUser) -> None:
    log = await live(timeline(ada))
    log._pause.click()
    await until(lambda: log._pause.description == "Resume", "it is held")
    await ada.aupdate(score=1)
    await until(lambda: "paused; 1 new" in log._foot.value, "it says that there is more")
    assert "no change yet" in log._table.value
    log._pause.click()
    await until(lambda: "<ins>1</ins>" in log._table.value, "it goes on")
    assert log._pause.description == "Pause"


async def test_hostile_values_are_shown_safely(ada: TimelineUser) -> None:
    log = await live(timeline(ada))
    await ada.aupdate(name=HOSTILE + "y" * 100_000)
    await until(lambda: "<b>name</b>" in log._table.value, "it is shown")
    assert "<img" not in log._table.value
    assert "\x1b" not in log._table.value
    assert len(log._table.value) < 10_000


async def test_closing_ends_it(ada: TimelineUser, source: ClientSource) -> None:
    log = await live(timeline(ada, TimelineUser))
    log.close()
    assert not feed_for(source).watched


@pytest.mark.parametrize(
    ("given", "options", "message"),
    [
        ((), {}, "there is nothing to watch"),
        ((int,), {}, "int is no model class"),
        ((TimelineUser,), {"limit": 0}, "the limit is 0"),
        ((TimelineUser,), {"limit": True}, "the limit is True"),
    ],
)
async def test_mistakes_are_told(given: tuple[Any, ...], options: dict[str, Any], message: str) -> None:
    with pytest.raises(NotebookError, match=message):
        timeline(*given, **options)


async def test_a_text_that_is_no_key_is_told() -> None:
    with pytest.raises(InvalidKeyError):
        timeline("nokey")


def test_it_needs_an_event_loop() -> None:
    with pytest.raises(NotebookError, match="needs a running event loop"):
        timeline(TimelineUser)
    assert rapyer_nb.timeline is timeline

"""`counter(user.score)`: a number that is counted in Redis."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from pydantic import BaseModel, Field

import rapyer_nb
from rapyer import AtomicRedisModel, Key
from rapyer.errors import UnlinkedValueError
from rapyer.live import feed_for
from rapyer_nb.errors import NotebookError
from rapyer_nb.widgets import Counter, counter
from tests.nb.desk import until

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource


class CountedInner(BaseModel):
    laps: int = 3


class Counted(AtomicRedisModel):
    score: int = 5
    few: Annotated[int, Field(ge=0, le=3)] = 1
    open: Annotated[int, Field(gt=0, lt=3)] = 1
    price: Annotated[float, Field(le=2.0)] = 1.5
    maybe: int | None = None
    name: str = "x"
    on: bool = False
    inner: CountedInner = CountedInner()
    laps: list[int] = Field(default_factory=lambda: [1])


class CountedKey(AtomicRedisModel):
    number: Key[int] = 1


@pytest.fixture
async def ada(source: ClientSource) -> Counted:
    return await Counted().asave()


async def live(control: Counter) -> Counter:
    await until(lambda: control._state == "live" and not control._up.disabled, "it is live")
    return control


def shows(control: Counter, text: str) -> bool:
    return f">{text}</output>" in control._amount.value


async def stored(model: Counted, name: str) -> Any:
    return getattr(await Counted.aget(model.key), name)


async def test_a_click_counts_in_redis_and_shows(ada: Counted) -> None:
    control = await live(counter(ada.score))
    control._up.click()
    await until(lambda: shows(control, "6"), "6 is shown")
    assert await stored(ada, "score") == 6
    control._down.click()
    control._down.click()
    await until(lambda: shows(control, "4"), "4 is shown")
    await until(lambda: ada.score == 4, "the object has it, too")


async def test_what_others_do_shows(ada: Counted) -> None:
    control = await live(counter(ada.score))
    await ada.score.aincrease(1_000_000)
    await until(lambda: shows(control, "1,000,005"), "it is shown")
    assert 'aria-label="score"' in control._amount.value


async def test_no_click_is_lost_where_two_pages_count(ada: Counted) -> None:
    one, other = await live(counter(ada.score)), await live(counter(ada.score))
    for _ in range(25):
        one._up.click()
        other._up.click()
    await until(lambda: shows(one, "55") and shows(other, "55"), "all are counted")
    assert await stored(ada, "score") == 55


async def test_bounds_hold_also_where_two_count_at_once(ada: Counted) -> None:
    one, other = await live(counter(ada.few)), await live(counter(ada.few))
    for _ in range(4):
        one._up.click()
        other._up.click()
    await until(lambda: "it can be 3 at the most" in one._foot.value, "it says why")
    await until(lambda: shows(one, "3") and shows(other, "3"), "3 is shown")
    for _ in range(5):
        one._down.click()
    await until(lambda: "it can be 0 at least" in one._foot.value, "it says why")
    await until(lambda: shows(one, "0"), "0 is shown")
    assert await stored(ada, "few") == 0


async def test_open_bounds_are_none_of_the_values(ada: Counted) -> None:
    control = await live(counter(ada.open))
    control._down.click()
    await until(lambda: "it must stay above 0" in control._foot.value, "it says why")
    control._up.click()
    await until(lambda: shows(control, "2"), "2 is shown")
    control._up.click()
    await until(lambda: "it must stay below 3" in control._foot.value, "it says why")


async def test_what_is_out_of_bounds_may_come_back(ada: Counted, source: ClientSource) -> None:
    control = await live(counter(ada.score))
    control.close()
    await source.client().execute_command("JSON.SET", ada.key, "$.few", 9)
    bounded = counter(ada, "few")
    await until(lambda: "no number of this field" in bounded._foot.value, "the field does not take it")
    assert bounded._up.disabled


async def test_floats_and_steps(ada: Counted) -> None:
    control = await live(counter(ada.price, step=0.25))
    assert (control._down.description, control._up.description) == ("−0.25", "+0.25")
    control._up.click()
    await until(lambda: shows(control, "1.75"), "1.75 is shown")
    control._up.click()
    await until(lambda: shows(control, "2.0"), "2.0 is shown")
    control._up.click()
    await until(lambda: "it can be 2 at the most" in control._foot.value, "it says why")
    by_five = await live(counter(ada.score, step=5))
    by_five._up.click()
    await until(lambda: shows(by_five, "10"), "10 is shown")


async def test_a_number_in_a_model_inside(ada: Counted) -> None:
    control = await live(counter(ada.inner.laps))  # type: ignore[arg-type,unused-ignore]
    control._up.click()
    await until(lambda: shows(control, "4"), "4 is shown")
    assert (await stored(ada, "inner")).laps == 4


async def test_it_can_be_named(ada: Counted) -> None:
    for control in (counter(Counted.score, ada), counter(ada, "score"), counter(Counted.inner.laps, ada)):
        await live(control)
        control._up.click()
        await until(lambda: control._sent == 2 and not control._reading, "it is done")  # noqa: B023
        control.close()
    assert rapyer_nb.counter is counter


async def test_null_and_deleted_cannot_be_counted(ada: Counted, source: ClientSource) -> None:
    control = counter(ada, "maybe")
    await until(lambda: shows(control, "null") and control._state == "live", "null is shown")
    assert control._up.disabled
    await ada.aupdate(maybe=3)
    await until(lambda: shows(control, "3") and not control._up.disabled, "3 is shown")
    await ada.adelete()
    await until(lambda: control._state == "deleted" and control._up.disabled, "it is gone")
    assert "✕ deleted in Redis" in control._foot.value


async def test_a_failure_is_shown(ada: Counted, monkeypatch: pytest.MonkeyPatch) -> None:
    control = await live(counter(ada.score))

    async def broken(*commands: Any) -> Any:
        raise ConnectionError("gone")

    monkeypatch.setattr(control, "send", broken)
    control._up.click()
    await until(lambda: "✕ not counted: ConnectionError: gone" in control._foot.value, "it is told")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (lambda ada: counter(ada, "name"), "name is no number"),
        (lambda ada: counter(ada, "on"), "on is no number"),
        (lambda ada: counter(ada, "scor"), "did you mean 'score'"),
        (lambda ada: counter(ada, "inner"), "inner is no field of its own"),
        (lambda ada: counter(ada), "this is all of Counted"),
        (lambda ada: counter(3), "plain values know no model"),
        (lambda ada: counter(Counted.score), "plain values know no model|cannot know the place"),
        (lambda ada: counter(ada.score, step=0), "the step is 0"),
        (lambda ada: counter(ada.score, step=0.5), "give a positive whole number"),
        (lambda ada: counter(CountedKey(), "number"), "cannot be changed"),
    ],
)
async def test_mistakes_are_told(ada: Counted, given: Any, message: str) -> None:
    with pytest.raises(NotebookError, match=message):
        given(ada)


async def test_an_element_has_no_fixed_place(ada: Counted) -> None:
    with pytest.raises(UnlinkedValueError, match="name the field that holds it"):
        counter(ada.laps[0])


def test_it_needs_an_event_loop() -> None:
    with pytest.raises(NotebookError, match="needs a running event loop"):
        counter(Counted().score)


async def test_it_pauses_and_ends(ada: Counted, source: ClientSource) -> None:
    control = await live(counter(ada.score))
    control._view_count = 1
    control._view_count = 0
    await until(lambda: control._state == "suspended", "it pauses")
    await ada.score.aincrease(1)
    control._view_count = 1
    await until(lambda: shows(control, "6"), "what it missed is shown")
    control.close()
    await asyncio.sleep(0)
    assert not feed_for(source).watched


async def test_it_says_by_what_it_is_live(ada: Counted) -> None:
    control = await live(counter(ada.score))
    assert 'title="live by client tracking"' in control._head.value

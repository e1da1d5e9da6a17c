"""What a race is judged by, and the order that a seed gives; without Redis."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from rapyer.commands.content import DOCUMENT, NOTHING, QUEUE, SET, Content
from rapyer_nb.racing import Scheduler
from rapyer_nb.racing.example import example_of
from rapyer_nb.racing.findings import Finding, findings, volatile_places
from rapyer_nb.racing.steps import Step
from rapyer_nb.snapshots import Kept
from rapyer_nb.snapshots.values import MISSING


def kept(document: Any = MISSING, **beside: Content) -> Kept:
    if document is MISSING:
        content = Content(NOTHING, None, None, None, "")
    else:
        text = json.dumps(document).encode()
        content = Content(DOCUMENT, text, None, None, text.decode())
    parts = {"": content, **beside}
    return Kept("Thing", parts, {name: f"key:{name}" for name in parts})


def one(start: Any, expected: Any, found: Any, **options: Any) -> Finding:
    states = ({"Thing:1": kept({"value": value})} for value in (start, expected, found))
    (finding,) = findings(*states, **{"runs": 10, **options})
    return finding


@pytest.mark.parametrize(
    ("start", "expected", "found", "kind", "lost"),
    [
        (0, 10, 10, "same", 0),
        (0, 10, 3, "lost", 7),
        (5, 15, 6, "lost", 9),
        (10, 0, 4, "lost", 4),
        (0, 50, 20, "lost", 6),
        (0.0, 1.0, 0.3, "lost", 7),
        (1, 0, -3, "more", 0),
        (0, 10, 12, "more", 0),
        ([], ["a"] * 10, ["a"] * 3, "lost", 7),
        ([], [1, 2, 3], [3, 1, 2], "same", 0),
        ([], [1, 2, 3], [3, 1, 4], "other", 0),
        ([], ["a"], ["a", "a"], "more", 0),
        ("", "run 9", "run 4", "other", 0),
        (False, True, False, "other", 0),
        (None, 1, 0, "lost", 10),
    ],
)
def test_values_are_judged(start: Any, expected: Any, found: Any, kind: str, lost: int) -> None:
    finding = one(start, expected, found)
    assert (finding.kind, finding.lost, finding.path) == (kind, lost, "value")


def test_what_is_the_same_in_all_is_no_finding() -> None:
    state = {"Thing:1": kept({"a": 1, "b": [1]})}
    assert findings(state, state, state, runs=3) == []


def test_what_differs_each_time_anyhow_is_no_loss() -> None:
    volatile = volatile_places({"Thing:1": kept({"value": 1.5})}, {"Thing:1": kept({"value": 2.5})})
    assert volatile == {("Thing:1", ("value",))}
    assert one(0, 3.5, 4.5, volatile=volatile).kind == "same"
    assert one([], [1, 2], [3, 4], volatile=volatile).kind == "same"
    assert one([], [1, 2], [3], volatile=volatile).lost == 1


def test_what_lives_beside_a_document_is_compared() -> None:
    def state(tags: tuple[bytes, ...], jobs: tuple[tuple[bytes, bytes], ...]) -> dict[str, Kept]:
        beside = {
            "tags": Content(SET, tags, None, None, str(tags)),
            "jobs": Content(QUEUE, jobs, None, None, ""),
        }
        return {"Thing:1": kept({}, **beside)}

    found = findings(
        state((), ()),
        state((b'"a"', b'"b"'), ((b'"x"', b"1"),)),
        state((b'"a"',), ((b'"x"', b"1"),)),
        runs=2,
    )
    assert [(each.path, each.kind, each.lost) for each in found] == [("tags", "lost", 1), ("jobs", "same", 0)]


def test_documents_under_keys_of_their_own_are_counted() -> None:
    nothing = kept()
    start = {"Thing:a": nothing, "Thing:b": nothing, "Thing:c": nothing}
    expected = {**start, "Thing:a": kept({}), "Thing:b": kept({})}
    found = {**start, "Thing:c": kept({})}
    (finding,) = findings(start, expected, found, runs=2)
    assert (finding.key, finding.path, finding.expected, finding.found) == ("Thing", "new documents", 2, 1)
    assert finding.lost == 1


def steps_of(*told: tuple[int, bool, int]) -> list[Step]:
    return [
        Step(position, run, "JSON", ("Thing:1",), writes, {"Thing:1": kept({"value": value})})
        for position, (run, writes, value) in enumerate(told, 1)
    ]


def test_the_example_shows_the_write_that_goes_by_an_old_read() -> None:
    finding = Finding("Thing:1", ("value",), 0, 2, 1, "lost", 1)
    steps = steps_of((3, False, 0), (3, True, 1), (1, False, 1), (2, False, 1), (1, True, 2), (2, True, 2))
    example = example_of(finding, steps)
    assert example is not None
    assert [(step.position, step.run, step.writes) for step in example.steps] == [
        (3, 1, False),
        (4, 2, False),
        (5, 1, True),
        (6, 2, True),
    ]
    assert (example.loser, example.winner) == (1, 2)
    assert (example.steps[-1].before, example.steps[-1].after) == (2, 2)


def test_where_nothing_interleaved_there_is_no_example() -> None:
    finding = Finding("Thing:1", ("value",), 0, 2, 1, "lost", 1)
    assert example_of(finding, steps_of((1, False, 0), (1, True, 1), (2, False, 1), (2, True, 2))) is None


# --- the order ----------------------------------------------------------------------------------------------


async def order_of(seed: int, runs: int = 5, steps: int = 3, wait: float = 0) -> list[int]:
    scheduler, order = Scheduler(seed), []

    async def run(number: int) -> None:
        async def step() -> None:
            order.append(number)
            await asyncio.sleep(wait)

        for _ in range(steps):
            await scheduler.turn(number, step)
            await asyncio.sleep(0)

    assert await scheduler.run(runs, run) == ()
    return order


async def test_a_seed_gives_an_order_and_another_one_another() -> None:
    first = await order_of(1)
    assert sorted(first) == sorted([*range(1, 6)] * 3)
    assert await order_of(1) == first
    assert await order_of(1, wait=0.002) == first
    assert await order_of(2) != first


async def test_only_one_takes_a_step_at_a_time() -> None:
    scheduler, inside = Scheduler(1), []

    async def run(number: int) -> None:
        async def step() -> None:
            inside.append(number)
            await asyncio.sleep(0)
            assert inside == [number]
            inside.clear()

        await asyncio.gather(scheduler.turn(number, step), scheduler.turn(number, step))

    assert await scheduler.run(4, run) == ()
    assert inside == []


async def test_one_that_waits_for_something_else_does_not_hold_up_the_others() -> None:
    scheduler, order, go = Scheduler(1), [], asyncio.Event()

    async def run(number: int) -> None:
        async def step() -> None:
            order.append(number)

        if number == 1:
            await go.wait()
        await scheduler.turn(number, step)
        if number == 3:
            go.set()

    assert await scheduler.run(3, run) == ()
    assert order[-1] == 1


async def test_those_that_never_come_are_given_up_and_ended() -> None:
    scheduler, ended = Scheduler(1, stuck=0.05), []

    async def run(number: int) -> None:
        try:
            if number != 2:
                await asyncio.Event().wait()
        finally:
            ended.append(number)

    assert await scheduler.run(3, run) == (1, 3)
    assert sorted(ended) == [1, 2, 3]
    assert len(asyncio.all_tasks()) == 1

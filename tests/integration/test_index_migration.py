"""Asking while indexes are built, switched and dropped: each answer is compared with the truth.

That is finding, counting, paging and grouping, and what is changed and deleted by filters.
"""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import rapyer
from rapyer import AtomicRedisModel
from rapyer.fields import Index, Key
from rapyer.model.registry import registry
from rapyer.search import asking, find, migrate
from rapyer.search.find import find_keys
from rapyer.search.index import target_on
from rapyer.search.reducers import count
from rapyer.session.executor import read_each

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable, Iterator

    import pytest
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource


class MovingJob(AtomicRedisModel):
    number: Annotated[str, Key()]
    weight: Annotated[int, Index()] = 0
    colour: Annotated[str, Index()] = ""
    urgency: int = 0


class MovingJobNext(AtomicRedisModel):
    """The same documents: `urgency` is found now, `weight` is not."""

    number: Annotated[str, Key()]
    weight: int = 0
    colour: Annotated[str, Index()] = ""
    urgency: Annotated[int, Index()] = 0

    @classmethod
    def class_key_initials(cls) -> str:
        return "MovingJob"


Row = tuple[int, int]
"""What a document's weight and urgency are."""

DOCUMENTS = 3000
COLOURS = ("red", "green", "blue")


@dataclass
class Truth:
    """What is stored, and what was, as far as it may have been seen by a search.

    Attributes:
        now: The documents; while one is written, what it was and what it will be.
        answers: How many answers were compared.
        seen: For each search that is running, what the documents were since it began.
    """

    now: dict[str, set[Row | None]] = field(default_factory=dict)
    answers: int = 0
    seen: dict[int, dict[str, set[Row | None]]] = field(default_factory=dict)

    def begins(self, key: str, row: Row | None) -> None:
        """A document is about to be written."""
        self.now[key] = self.now.get(key, {None}) | {row}
        for search in self.seen.values():
            search.setdefault(key, {None}).update(self.now[key])

    def ends(self, key: str, row: Row | None) -> None:
        """It has been written."""
        self.now[key] = {row}

    @contextmanager
    def becoming(self, jobs: Iterable[MovingJob], row: Row | None) -> Iterator[None]:
        """Documents are written meanwhile."""
        keys = [job.key for job in jobs]
        for key in keys:
            self.begins(key, row)
        yield
        for key in keys:
            self.ends(key, row)

    async def compare(self, keys: Callable[[], Any], holds: Callable[[Row], bool]) -> None:
        """Search, and compare the answer with what was true all the time, and with what never was.

        Args:
            keys: Searches for keys, or for how many there are.
            holds: Whether a document should be found.
        """
        during = {key: set(rows) for key, rows in self.now.items()}
        self.seen[id(during)] = during
        found = await keys()
        del self.seen[id(during)]
        matching = {key: {row is not None and holds(row) for row in rows} for key, rows in during.items()}
        always = {key for key, matched in matching.items() if matched == {True}}
        ever = {key for key, matched in matching.items() if True in matched}
        if isinstance(found, int):
            assert len(always) <= found <= len(ever)
        else:
            assert len(set(found)) == len(found)
            assert always - set(found) == set()
            assert set(found) - ever == set()
        self.answers += 1


async def _stored(truth: Truth) -> None:
    rows = [(at % 100, at % 70) for at in range(DOCUMENTS)]
    await MovingJob.ainsert(
        *(
            MovingJob(number=str(at), weight=weight, urgency=urgency, colour=COLOURS[at % 3])
            for at, (weight, urgency) in enumerate(rows)
        )
    )
    truth.now = {f"MovingJob:{at}": {row} for at, row in enumerate(rows)}


async def _write(truth: Truth, chance: random.Random, ended: asyncio.Event) -> None:
    while not ended.is_set():
        number = str(chance.randrange(DOCUMENTS + 50))
        key, weight, urgency = f"MovingJob:{number}", chance.randrange(100), chance.randrange(70)
        row = None if chance.random() < 0.2 else (weight, urgency)
        if len(truth.now.get(key, ())) > 1:
            continue  # another writer is at it
        truth.begins(key, row)
        if row is None:
            await MovingJob.adelete_by_key(key)
        else:
            await MovingJob(number=number, weight=weight, urgency=urgency, colour="red").asave()
        truth.ends(key, row)


async def _read_old(truth: Truth, chance: random.Random, ended: asyncio.Event) -> None:
    while not ended.is_set():
        low = chance.randrange(100)
        heavy: Any = MovingJob.weight >= low
        await truth.compare(partial(find_keys, MovingJob, heavy), partial(_is_heavy, low))
        await truth.compare(partial(find_keys, MovingJob, ~heavy), partial(_is_light, low))


async def _read_new(truth: Truth, chance: random.Random, ended: asyncio.Event) -> None:
    while not ended.is_set():
        value = chance.randrange(70)
        await truth.compare(partial(_urgent, value), partial(_is_urgent, value))


async def _count_and_page(truth: Truth, chance: random.Random, ended: asyncio.Event) -> None:
    while not ended.is_set():
        low = chance.randrange(100)
        for asked in (_counted, _grouped, _paged):
            await truth.compare(partial(asked, low), partial(_is_heavy, low))


async def _counted(low: int) -> int:
    return await MovingJob.acount(MovingJob.weight >= low)


async def _grouped(low: int) -> int:
    rows: Any = await MovingJob.aggregate().where(MovingJob.weight >= low).by(MovingJob.colour).agg(n=count())
    return sum(row.n for row in rows)


async def _paged(low: int) -> list[str]:
    keys: list[str] = []
    after: str | None = None
    while True:
        page = await MovingJob.apage(MovingJob.weight >= low, size=400, after=after)
        keys += (model.key for model in page.models)
        after = page.after
        if after is None:
            return keys


async def _change_and_delete(truth: Truth, chance: random.Random, ended: asyncio.Event) -> None:
    """Change and delete documents by filters, which nobody else touches: so it is known what they match."""
    turn = 1000
    while not ended.is_set():
        turn += 1
        jobs = [MovingJob(number=f"{turn}-{at}", weight=turn, urgency=turn) for at in range(30)]
        with truth.becoming(jobs, (turn, turn)):
            await MovingJob.ainsert(*jobs)
        with truth.becoming(jobs, (turn, -turn)):
            changed = await MovingJob.aupdate_many(MovingJob.weight == turn, urgency=-turn)
            assert (changed.matched, changed.updated) == (30, 30)
        with truth.becoming(jobs, (0, -turn)):
            changed = await MovingJobNext.aupdate_many(MovingJobNext.urgency == -turn, weight=0)
            assert (changed.matched, changed.updated) == (30, 30)
        with truth.becoming(jobs, None):
            gone = await MovingJobNext.adelete_many(MovingJobNext.urgency == -turn)
            assert gone.models_deleted == 30
        truth.answers += 1


async def _urgent(value: int) -> list[str]:
    found: Any = await MovingJobNext.afind(MovingJobNext.urgency == value)
    return [model.key for model in found]


def _is_heavy(low: int, row: Row) -> bool:
    return row[0] >= low


def _is_light(low: int, row: Row) -> bool:
    return row[0] < low


def _is_urgent(value: int, row: Row) -> bool:
    return row[1] == value


async def _under_load(truth: Truth, work: Coroutine[Any, Any, None], *loads: Any) -> None:
    """Do some work while others write and read; they end early only by failing."""
    ended, chance = asyncio.Event(), random.Random(5)
    tasks = [asyncio.create_task(load(truth, chance, ended)) for load in (_write, _write, *loads)]
    working = asyncio.create_task(work)
    await asyncio.wait([working, *tasks], return_when=asyncio.FIRST_COMPLETED)
    ended.set()
    if not working.done():
        working.cancel()
    await asyncio.gather(*tasks)
    await working


async def test_no_answer_is_incomplete_while_a_plan_is_applied(
    source: ClientSource,
) -> None:
    registry.auto_index, registry.allow_redefinition = True, False
    truth = Truth()
    await _stored(truth)
    await MovingJob.acreate_index()

    async def there_and_back() -> None:
        for model in (MovingJobNext, MovingJob, MovingJobNext, MovingJob):
            before = truth.answers
            await (await rapyer.aindex_plan(model)).apply()
            while truth.answers < before + 20:  # noqa: ASYNC110 - a counter tells nobody
                await asyncio.sleep(0.01)

    loads = (_read_old, _read_old, _read_new, _count_and_page, _change_and_delete)
    await _under_load(truth, there_and_back(), *loads)
    assert truth.answers >= 80
    state = await migrate.look(source, "idx:MovingJob")
    assert state is not None
    assert state.state.name == target_on(source, MovingJob).body


async def test_processes_that_change_it_at_the_same_time(
    source: ClientSource, raw: Redis, rapyer_redis_url: str
) -> None:
    registry.auto_index, registry.allow_redefinition = True, False
    truth = Truth()
    await _stored(truth)
    await MovingJob.acreate_index()

    async def all_at_once() -> None:
        others = [
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                _OTHER,
                rapyer_redis_url,
                model,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for model in ("MovingJob", "MovingJobNext", "MovingJobNext")
        ]
        ends = await asyncio.gather(*(other.communicate() for other in others))
        assert [(end[0].decode(), end[1].decode()) for end in ends] == [("done\n", "")] * 3
        await (await rapyer.aindex_plan(MovingJobNext)).apply()

    await _under_load(truth, all_at_once(), _read_old, _read_new)
    assert truth.answers >= 20
    plan = await rapyer.aindex_plan(MovingJobNext)
    assert plan.indexes[0].state == "up to date"
    names: Any = await raw.execute_command("FT._LIST")  # type: ignore[no-untyped-call]
    # At most each version of the class has one.
    assert 1 <= len(names) <= 2


_OTHER = """
import asyncio, sys
import rapyer
from tests.integration import test_index_migration as models

async def main() -> None:
    from rapyer.model.registry import registry
    from rapyer.session.clients import ClientSource
    registry.bind(ClientSource.from_url(sys.argv[1]))
    for _ in range(4):
        await (await rapyer.aindex_plan(getattr(models, sys.argv[2]))).apply()
        await asyncio.sleep(0.05)
    print("done")

asyncio.run(main())
"""


async def test_an_index_that_goes_between_two_steps_of_a_search(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More matches than one FT.SEARCH may give are asked for once more, in another way."""
    monkeypatch.setattr(find, "MOST_MATCHES", 0)
    registry.auto_index, registry.allow_redefinition = True, False
    truth = Truth()
    await _stored(truth)
    await MovingJob.acreate_index()
    began, ended = asyncio.Event(), asyncio.Event()

    async def slowly(server: ClientSource, commands: Any) -> Any:
        if commands[-1].name == "FT.AGGREGATE" and not ended.is_set():
            began.set()
            await ended.wait()
        return await read_each(server, commands)

    monkeypatch.setattr(asking, "read_each", slowly)
    every: Any = MovingJob.weight >= 0
    searching = asyncio.create_task(find_keys(MovingJob, every))
    await began.wait()
    await MovingJobNext.acreate_index()
    ended.set()
    assert set(await searching) == set(truth.now)

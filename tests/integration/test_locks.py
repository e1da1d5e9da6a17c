"""Locks: who gets in, what is saved, what stays behind."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

import rapyer
from rapyer import AtomicRedisModel, Key
from rapyer.errors import (
    CorruptedModelError,
    KeyNotFound,
    LockError,
    LockReentryError,
    LockTimeoutError,
    WrongClassError,
)
from rapyer.session.wakeups import Wakeups

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource


class LockPart(AtomicRedisModel):
    size: int = 1
    notes: list[str] = []


class LockBook(AtomicRedisModel):
    title: str = "old"
    copies: int = 0
    tags: list[str] = []
    settings: dict[str, str] = {}
    part: LockPart = LockPart()


class LockNamed(AtomicRedisModel):
    name: Key[str]
    copies: int = 0


class LockExpiring(AtomicRedisModel):
    copies: int = 0


LockExpiring.Meta.ttl = 100


async def _lock_keys(raw: Redis) -> list[str]:
    """The keys of locks, but for the fencing tokens, which stay for a while."""
    return sorted([key async for key in raw.scan_iter("*:lock*") if not key.endswith(":fence")])


async def _until(condition: Callable[[], Awaitable[Any]]) -> None:
    async with _limit(5):
        while not await condition():  # noqa: ASYNC110  # the server is asked, it tells nobody
            await asyncio.sleep(0.002)


async def _until_queued(raw: Redis, key: str, waiters: int, action: str = "default") -> None:
    async def queued() -> bool:
        return int(await raw.zcard(f"{key}/{action}:lock:queue")) >= waiters

    await _until(queued)


class _limit:
    """`asyncio.timeout`, which Python 3.10 lacks: the test's own patience."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds

    async def __aenter__(self) -> None:
        task: Any = asyncio.current_task()
        self._timer = asyncio.get_running_loop().call_later(self._seconds, task.cancel, "the test was slow")

    async def __aexit__(self, *exc: object) -> None:
        self._timer.cancel()


# --- the three forms ---------------------------------------------------------------------------------------


async def test_the_instance_form_refreshes_and_yields_the_instance(source: ClientSource, raw: Redis) -> None:
    stale = await LockBook(copies=1).asave()
    fresh = await LockBook.aget(stale.key)
    fresh.copies, fresh.tags = 7, ["new"]
    await fresh.asave()
    async with stale.alock("update") as locked:
        assert locked is stale
        assert (stale.copies, stale.tags) == (7, ["new"])
        assert stale.tags.key == stale.key  # type: ignore[attr-defined]
        assert stale.json_path == "$"
        assert await raw.exists(f"{stale.key}/update:lock") == 1
    assert await _lock_keys(raw) == []


async def test_edits_of_the_instance_are_saved_at_the_end(source: ClientSource) -> None:
    book = await LockBook().asave()
    async with book.alock("profile", save_at_end=True):
        book.title = "new"
        book.tags.append("a")
        book.settings["theme"] = "dark"
        book.part.notes.append("n")
        assert (await LockBook.aget(book.key)).title == "old"
    assert await LockBook.aget(book.key) == book
    assert book.title == "new"


async def test_the_class_form_takes_key_and_primary_key(source: ClientSource) -> None:
    book = await LockBook(copies=1).asave()
    for given in (book.key, book.pk):
        async with LockBook.alock_from_key(given, "x", True) as locked:
            assert type(locked) is LockBook
            assert locked.key == book.key
            locked.copies += 1
    assert (await LockBook.aget(book.key)).copies == 3


async def test_a_primary_key_and_the_full_key_lock_the_same(source: ClientSource) -> None:
    book = await LockNamed(name="a:b/c").asave()
    async with LockNamed.alock_from_key("a:b/c"):
        for other in (
            LockNamed.alock_from_key(book.key, wait=0),
            rapyer.alock_from_key(book.key, wait=0),
            (await LockNamed.aget(book.key)).alock(wait=0),
        ):
            with pytest.raises(LockError):
                await other.__aenter__()


async def test_the_module_form(source: ClientSource) -> None:
    book = await LockBook(copies=1).asave()
    async with rapyer.alock_from_key(book.key, "x", save_at_end=True) as locked:
        assert isinstance(locked, LockBook)
        locked.copies = 2
    assert (await LockBook.aget(book.key)).copies == 2


@pytest.mark.parametrize("key", ["LockBook:missing", "NoSuchClass:1", "nonsense", ""])
async def test_the_module_form_gives_none_for_what_does_not_exist(
    source: ClientSource, raw: Redis, key: str
) -> None:
    async with rapyer.alock_from_key(key, "x", save_at_end=True) as locked:
        assert locked is None
    assert [name async for name in raw.scan_iter("*") if not name.endswith(":lock:fence")] == []


async def test_under_the_module_form_a_missing_model_can_be_made_once(source: ClientSource) -> None:
    made = []

    async def make() -> None:
        async with rapyer.alock_from_key("LockNamed:once") as found:
            if found is None:
                made.append(await LockNamed(name="once").asave())

    await asyncio.gather(*(make() for _ in range(5)))
    assert len(made) == 1


async def test_missing_models_raise_and_the_lock_is_free(source: ClientSource, raw: Redis) -> None:
    unsaved = LockBook()
    with pytest.raises(KeyNotFound, match=f"no LockBook is stored under {unsaved.key}"):
        async with unsaved.alock():
            raise AssertionError
    with pytest.raises(KeyNotFound, match="no LockBook is stored under LockBook:1"):
        async with LockBook.alock_from_key("1", save_at_end=True):
            raise AssertionError
    assert await _lock_keys(raw) == []


async def test_corrupt_models_and_other_types_raise_and_the_lock_is_free(
    source: ClientSource, raw: Redis
) -> None:
    await raw.json().set("LockBook:1", "$", {"copies": "many"})
    with pytest.raises(CorruptedModelError):
        async with LockBook.alock_from_key("1"):
            raise AssertionError
    await raw.set("LockBook:2", "text")
    with pytest.raises(rapyer.errors.WrongTypeError, match="LockBook:2 holds another Redis type"):
        async with LockBook.alock_from_key("2"):
            raise AssertionError
    assert await _lock_keys(raw) == []


def test_keys_of_other_classes_are_refused(source: ClientSource) -> None:
    with pytest.raises(WrongClassError):
        LockBook.alock_from_key("LockNamed:1")


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"lease": 0}, ValueError, "the lease of a lock is at least 0.01 seconds, not 0"),
        ({"lease": float("inf")}, ValueError, "the lease of a lock is at least 0.01 seconds, not inf"),
        ({"wait": -1}, ValueError, "the time to wait for a lock is 0 seconds or more, or None, not -1"),
        ({"wait": float("nan")}, ValueError, "not nan"),
        ({"action": 5}, TypeError, "the action of a lock is a text, not 5"),
    ],
)
def test_senseless_options_are_refused(options: dict[str, Any], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        LockBook().alock(**options)


async def test_an_inner_model_locks_its_document_and_saves_its_part(source: ClientSource) -> None:
    book = await LockBook().asave()
    part = book.part
    async with part.alock(save_at_end=True) as locked:
        assert locked is part
        await LockBook.aget(book.key)
        part.size = 9
        with pytest.raises(LockReentryError):
            await book.alock().__aenter__()
        await (await LockBook.aget(book.key)).aupdate(title="other")
    stored = await LockBook.aget(book.key)
    assert (stored.title, stored.part.size) == ("other", 9)


# --- who excludes whom -------------------------------------------------------------------------------------


async def test_the_second_enters_after_the_first_and_sees_what_it_saved(
    source: ClientSource, raw: Redis
) -> None:
    book = await LockBook().asave()
    seen: list[int] = []

    async def work() -> None:
        async with LockBook.alock_from_key(book.key, save_at_end=True) as mine:
            seen.append(mine.copies)
            mine.copies += 1

    async with LockBook.alock_from_key(book.key, save_at_end=True) as mine:
        second = asyncio.create_task(work())
        await _until_queued(raw, book.key, 1)
        mine.copies = 10
        assert seen == []
    await second
    assert seen == [10]
    assert (await LockBook.aget(book.key)).copies == 11


async def test_other_actions_and_other_models_are_not_excluded(source: ClientSource) -> None:
    first, second = await LockBook.ainsert(LockBook(), LockBook())
    one, two = await LockNamed.ainsert(LockNamed(name="a"), LockNamed(name="a/default"))
    async with (
        first.alock("one", wait=0),
        first.alock("two", wait=0),
        first.alock("one/two", wait=0),
        first.alock("one%2Ftwo", wait=0),
        second.alock("one", wait=0),
        one.alock("default/default", wait=0),
        two.alock(wait=0),
        one.alock(wait=0),
    ):
        pass


async def test_two_actions_save_only_what_each_changed(source: ClientSource) -> None:
    book = await LockBook().asave()

    async def work(action: str, name: str, value: Any) -> None:
        async with LockBook.alock_from_key(book.key, action, save_at_end=True) as mine:
            setattr(mine, name, value)
            await asyncio.sleep(0.05)

    await asyncio.gather(work("a", "title", "new"), work("b", "copies", 5), work("c", "tags", ["x"]))
    stored = await LockBook.aget(book.key)
    assert (stored.title, stored.copies, stored.tags) == ("new", 5, ["x"])


async def test_atomic_operations_beside_a_saving_lock_are_kept(source: ClientSource) -> None:
    book = await LockBook().asave()

    async def count() -> None:
        for _ in range(50):
            await (await LockBook.aget(book.key)).copies.aincrease(1)  # type: ignore[attr-defined]

    async def write() -> None:
        for number in range(20):
            async with LockBook.alock_from_key(book.key, save_at_end=True) as mine:
                mine.title = str(number)
                await mine.copies.aincrease(1)  # type: ignore[attr-defined]

    await asyncio.gather(count(), count(), write())
    stored = await LockBook.aget(book.key)
    assert (stored.copies, stored.title) == (120, "19")


async def test_fifty_workers_of_four_increments_make_two_hundred(source: ClientSource, raw: Redis) -> None:
    book = await LockBook().asave()

    async def work() -> None:
        for _ in range(4):
            async with LockBook.alock_from_key(book.key, save_at_end=True) as mine:
                mine.copies += 1

    await asyncio.gather(*(work() for _ in range(50)))
    assert (await LockBook.aget(book.key)).copies == 200
    assert await _lock_keys(raw) == []


async def test_a_task_that_holds_the_lock_cannot_wait_for_itself(source: ClientSource) -> None:
    book = await LockBook().asave()
    async with book.alock("x"):
        with pytest.raises(LockReentryError) as raised:
            async with LockBook.alock_from_key(book.key, "x"):
                raise AssertionError
        assert str(raised.value) == (
            f"this task holds the lock 'x' of {book.key} already and would wait for itself; "
            "use the instance that the outer lock gave, or another action"
        )
        assert raised.value.key == book.key
    async with book.alock("x", wait=0):
        pass


async def test_one_lock_object_can_be_used_again(source: ClientSource) -> None:
    book = await LockBook().asave()
    lock = book.alock(save_at_end=True)
    for _ in range(2):
        async with lock:
            book.copies += 1
    assert (await LockBook.aget(book.key)).copies == 2


# --- waiting -----------------------------------------------------------------------------------------------


async def test_waiting_has_a_limit(source: ClientSource, raw: Redis) -> None:
    book = await LockBook().asave()
    async with book.alock("x"):
        for wait, told in ((0, "did not wait"), (0.05, "waited 0.05 s")):
            with pytest.raises(LockTimeoutError) as raised:
                await asyncio.create_task(_enter_and_leave(LockBook.alock_from_key(book.key, "x", wait=wait)))
            assert (
                str(raised.value) == f"the lock 'x' of {book.key} is held by somebody else; {told}; try again"
            )
            assert isinstance(raised.value, TimeoutError)
            assert await _lock_keys(raw) == [f"{book.key}/x:lock"]


async def _enter_and_leave(lock: Any) -> None:
    async with lock:
        pass


async def test_fifty_waiters_get_the_lock_in_the_order_in_which_they_came(
    source: ClientSource, raw: Redis
) -> None:
    book = await LockBook().asave()
    order: list[int] = []

    async def wait(number: int) -> None:
        async with LockBook.alock_from_key(book.key):
            order.append(number)

    async with book.alock():
        tasks = []
        for number in range(50):
            tasks.append(asyncio.create_task(wait(number)))
            await _until_queued(raw, book.key, number + 1)
    await asyncio.gather(*tasks)
    assert order == list(range(50))


async def test_nobody_starves_behind_those_that_come_again_and_again(source: ClientSource) -> None:
    book = await LockBook().asave()
    done = asyncio.Event()
    rounds = 0

    async def greedy() -> None:
        nonlocal rounds
        while not done.is_set():
            async with LockBook.alock_from_key(book.key):
                rounds += 1

    tasks = [asyncio.create_task(greedy()) for _ in range(5)]
    for _ in range(10):
        before = rounds
        async with LockBook.alock_from_key(book.key):
            assert rounds - before < 20
    done.set()
    await asyncio.gather(*tasks)


async def test_a_release_wakes_the_next_at_once(source: ClientSource, raw: Redis) -> None:
    book = await LockBook().asave()
    loop = asyncio.get_running_loop()
    delays = []

    async def wait() -> float:
        async with LockBook.alock_from_key(book.key):
            return loop.time()

    for _ in range(20):
        async with book.alock():
            waiter = asyncio.create_task(wait())
            await _until_queued(raw, book.key, 1)
            await asyncio.sleep(0.02)
            left = loop.time()
        delays.append(await waiter - left)
    assert sorted(delays)[10] < 0.05, delays  # a poll would take up to a second


async def test_two_hundred_waiters_leave_connections_for_others(source: ClientSource, raw: Redis) -> None:
    book = await LockBook().asave()
    async with book.alock():
        tasks = [asyncio.create_task(_enter_and_leave(LockBook.alock_from_key(book.key))) for _ in range(200)]
        await _until_queued(raw, book.key, 200)
        async with _limit(2):
            assert (await LockBook.aget(book.key)).copies == 0
        connected = await raw.client_list()
        assert len([one for one in connected if one["sub"] == "0"]) <= 50
        assert len([one for one in connected if one["sub"] == "1"]) == 1
        assert len(await raw.pubsub_channels("rapyer:lock:*")) == 1
    async with _limit(20):
        await asyncio.gather(*tasks)
    assert await _lock_keys(raw) == []


async def test_a_lost_wakeup_only_delays(
    source: ClientSource, raw: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapyer.session.lock.POLL", 0.1)
    monkeypatch.setattr(Wakeups, "listen", lambda _: None)
    book = await LockBook().asave()
    entered = []

    async def wait() -> None:
        async with LockBook.alock_from_key(book.key):
            entered.append(True)

    async with book.alock():
        task = asyncio.create_task(wait())
        await _until_queued(raw, book.key, 1)
    async with _limit(0.9):
        await task
    assert entered == [True]


async def test_a_broken_subscription_is_made_again(
    source: ClientSource, raw: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rapyer.session.wakeups.RECONNECT_DELAY", 0.01)
    book = await LockBook().asave()
    async with book.alock():
        task = asyncio.create_task(_enter_and_leave(LockBook.alock_from_key(book.key)))
        await _until_queued(raw, book.key, 1)

        async def subscribed() -> Any:
            return await raw.pubsub_channels("rapyer:lock:*")

        await _until(subscribed)
        assert await raw.execute_command("CLIENT", "KILL", "TYPE", "pubsub") == 1
        await _until(subscribed)
    async with _limit(0.9):
        await task


# --- what is saved -----------------------------------------------------------------------------------------


async def test_without_save_at_end_only_atomic_operations_persist(source: ClientSource) -> None:
    book = await LockBook().asave()
    async with book.alock() as mine:
        mine.title = "discarded"
        await mine.copies.aincrease(3)  # type: ignore[attr-defined]
        await mine.tags.aappend("kept")  # type: ignore[attr-defined]
    stored = await LockBook.aget(book.key)
    assert (stored.title, stored.copies, stored.tags) == ("old", 3, ["kept"])


async def test_an_exception_saves_nothing_and_releases(source: ClientSource, raw: Redis) -> None:
    book = await LockBook().asave()
    with pytest.raises(ZeroDivisionError):
        async with book.alock(save_at_end=True):
            book.title = "new"
            _ = 1 / 0
    assert (await LockBook.aget(book.key)).title == "old"
    assert await _lock_keys(raw) == []


@pytest.mark.parametrize("save", [False, True])
async def test_what_the_block_deleted_stays_deleted(source: ClientSource, raw: Redis, save: bool) -> None:
    book = await LockBook().asave()
    async with book.alock(save_at_end=save):
        book.title = "new"
        assert await book.adelete()
    assert not await LockBook.aexists(book.key)
    assert await _lock_keys(raw) == []


async def test_saving_starts_the_time_to_live_anew(source: ClientSource, raw: Redis) -> None:
    model = await LockExpiring().asave()
    await raw.expire(model.key, 10)
    async with model.alock(save_at_end=True):
        model.copies = 1
    assert 90 < await raw.ttl(model.key) <= 100


async def test_the_save_happens_under_the_lock(source: ClientSource, raw: Redis) -> None:
    book = await LockBook().asave()
    seen = []

    async def next_one() -> None:
        async with LockBook.alock_from_key(book.key) as mine:
            seen.append(mine.tags)

    async with book.alock(save_at_end=True):
        task = asyncio.create_task(next_one())
        await _until_queued(raw, book.key, 1)
        book.tags = [str(number) for number in range(1000)]
    await task
    assert len(seen[0]) == 1000


async def test_no_lock_inside_a_pipeline(source: ClientSource, raw: Redis) -> None:
    book = await LockBook().asave()
    async with book.apipeline():
        for lock in (
            book.alock("x", True),
            LockBook.alock_from_key(book.key),
            rapyer.alock_from_key(book.key),
        ):
            with pytest.raises(
                LockError, match=r"cannot be taken inside a pipeline, which writes only after"
            ) as e:
                await lock.__aenter__()
            assert e.value.hint == "open the pipeline inside the lock"
    assert await _lock_keys(raw) == []


async def test_a_pipeline_inside_a_lock(source: ClientSource) -> None:
    book = await LockBook().asave()
    async with book.alock(save_at_end=True):
        async with book.apipeline():
            book.copies += 1
            book.tags.append("a")
        book.title = "new"
    stored = await LockBook.aget(book.key)
    assert (stored.copies, stored.tags, stored.title) == (1, ["a"], "new")


# --- other holders, other kinds of keys --------------------------------------------------------------------


async def test_locks_of_redis_py_are_honoured_both_ways(source: ClientSource, raw: Redis) -> None:
    book = await LockBook().asave()
    foreign = raw.lock(f"{book.key}/default:lock", sleep=0.01)
    assert await foreign.acquire()
    with pytest.raises(LockTimeoutError):
        async with book.alock(wait=0.05):
            raise AssertionError
    loop = asyncio.get_running_loop()
    waiter = asyncio.create_task(_enter_and_leave(LockBook.alock_from_key(book.key)))
    await _until_queued(raw, book.key, 1)
    released = loop.time()
    await foreign.release()
    await waiter
    assert loop.time() - released < 0.5
    async with book.alock():
        assert not await raw.lock(f"{book.key}/default:lock").acquire(blocking=False)
    assert await foreign.acquire(blocking=False)
    await foreign.release()


async def test_lock_keys_are_no_models(source: ClientSource) -> None:
    book = await LockNamed(name="a").asave()
    async with book.alock():
        task = asyncio.create_task(_enter_and_leave(LockNamed.alock_from_key("a", wait=0.1)))
        await asyncio.sleep(0.05)
        assert await LockNamed.afind_keys() == [book.key]
        assert await LockNamed.afind() == [book]
        with pytest.raises(LockTimeoutError):
            await task


async def test_a_key_that_holds_something_else_is_no_lock(source: ClientSource, raw: Redis) -> None:
    book = await LockBook().asave()
    await raw.rpush(f"{book.key}/default:lock", "x")
    with pytest.raises(LockError, match="/default:lock is no lock, but holds something else"):
        async with book.alock():
            raise AssertionError

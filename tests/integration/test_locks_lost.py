"""Leases that end, holders that die, replies that are lost, tasks that are cancelled."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError

from rapyer import AtomicRedisModel
from rapyer.errors import LockError, LockLostError, LockTimeoutError, UnknownOutcomeError
from rapyer.session import lock as lock_module
from rapyer.session.clients import ClientSource
from rapyer.session.wakeups import wakeups_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from redis.asyncio import Redis


class LeaseBook(AtomicRedisModel):
    title: str = "old"
    copies: int = 0


@pytest.fixture
async def book(source: ClientSource) -> LeaseBook:
    return await LeaseBook().asave()


@pytest.fixture(autouse=True)
async def _nothing_stays_behind(source: ClientSource, raw: Redis) -> AsyncIterator[None]:
    yield
    # A fencing token stays for ten minutes, and a mark of who gave up while asking, for ten seconds.
    left = [key async for key in raw.scan_iter("*:lock*") if not key.endswith((":fence", ":seen"))]
    assert left == []
    assert [key async for key in raw.scan_iter("*:seen") if await raw.zcount(key, 0, "inf")] == []
    assert wakeups_of(source).held == {}
    assert wakeups_of(source)._waiting == {}


async def _until(condition: Callable[[], Any], seconds: float = 5) -> None:
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if await found if asyncio.iscoroutine(found) else found:
            return
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.002)


def _lock_name(book: LeaseBook) -> str:
    return f"{book.key}/default:lock"


async def _title(book: LeaseBook) -> str:
    return str((await LeaseBook.aget(book.key)).title)


# --- the lease ---------------------------------------------------------------------------------------------


async def test_a_lease_of_thirty_seconds_by_default(book: LeaseBook, raw: Redis) -> None:
    async with book.alock():
        assert 29_000 < await raw.pttl(_lock_name(book)) <= 30_000


async def test_work_longer_than_the_lease_is_not_stolen(book: LeaseBook, raw: Redis) -> None:
    entered = []

    async def other() -> None:
        async with LeaseBook.alock_from_key(book.key):
            entered.append(time.monotonic())

    async with book.alock(lease=0.3, save_at_end=True) as mine:
        task = asyncio.create_task(other())
        await asyncio.sleep(1.0)
        assert entered == []
        mine.title = "new"
    await task
    assert await _title(book) == "new"


async def test_a_lost_lease_ends_the_block_and_nothing_is_saved(book: LeaseBook, raw: Redis) -> None:
    started = time.monotonic()
    with pytest.raises(LockLostError) as raised:
        async with (lock := book.alock(lease=0.3, save_at_end=True)):
            book.title = "mine"
            await raw.set(_lock_name(book), "somebody else", px=400)
            await asyncio.sleep(10)
    assert time.monotonic() - started < 1
    assert lock.lost
    assert str(raised.value) == (
        f"the lock 'default' of {book.key} was lost: its lease ended before it was renewed; nothing was saved; "
        "repeat the block; a long block needs a longer lease, or must not stop the event loop"
    )
    assert await _title(book) == "old"
    assert await raw.get(_lock_name(book)) == "somebody else"
    task: Any = asyncio.current_task()
    if sys.version_info >= (3, 11):
        assert task.cancelling() == 0
    await raw.delete(_lock_name(book))


@pytest.mark.parametrize("save", [False, True])
async def test_a_lost_lease_is_told_at_the_end_of_a_block_that_never_waited(
    book: LeaseBook, raw: Redis, save: bool
) -> None:
    with pytest.raises(LockLostError, match="its lease ended during the block; nothing was saved"):
        async with book.alock(lease=0.05, save_at_end=save):
            book.title = "mine"
            time.sleep(0.15)  # noqa: ASYNC251  # the event loop stands still, so nobody renews the lease
    assert await _title(book) == "old"


async def test_a_loop_that_stood_still_loses_to_the_next_holder(book: LeaseBook, raw: Redis) -> None:
    # The next holder is another process: its commands are written here by hand.
    with pytest.raises(LockLostError):
        async with book.alock(lease=0.1, save_at_end=True):
            book.title = "late"
            time.sleep(0.3)  # noqa: ASYNC251
            assert await raw.set(_lock_name(book), "next", nx=True)
            await raw.json().set(book.key, "$.title", "theirs")
            await asyncio.sleep(0)
    assert await _title(book) == "theirs"
    assert await raw.getdel(_lock_name(book)) == "next"


async def test_an_error_of_the_block_is_not_hidden_by_the_loss(book: LeaseBook, raw: Redis) -> None:
    with pytest.raises(ZeroDivisionError):
        async with book.alock(lease=0.05, save_at_end=True):
            time.sleep(0.15)  # noqa: ASYNC251
            _ = 1 / 0


async def test_a_block_that_swallows_the_interruption_is_told_all_the_same(
    book: LeaseBook, raw: Redis
) -> None:
    with pytest.raises(LockLostError):
        async with book.alock(lease=0.1, save_at_end=True):
            book.title = "mine"
            await raw.delete(_lock_name(book))
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(5)
    assert await _title(book) == "old"


async def test_asking_whether_the_lock_is_held(book: LeaseBook, raw: Redis) -> None:
    lock = book.alock()
    with pytest.raises(LockError, match="is not locked yet; use async with"):
        await lock.acheck()
    with pytest.raises(LockLostError):
        async with lock:
            await lock.acheck()
            assert not lock.lost
            await raw.delete(_lock_name(book))
            with pytest.raises(LockLostError):
                await lock.acheck()
            assert lock.lost
            await asyncio.sleep(0)  # the block goes on: it has been told already
    with pytest.raises(LockLostError):
        await lock.acheck()


async def test_an_unreachable_server_costs_the_lock_when_the_lease_is_over(
    book: LeaseBook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    send = lock_module.run
    down = False

    async def run(source: Any, command: Any) -> Any:
        if down:
            raise RedisConnectionError("down")
        return await send(source, command)

    monkeypatch.setattr(lock_module, "run", run)
    with (
        caplog.at_level(logging.WARNING, "rapyer"),
        pytest.raises(LockLostError, match="renew its lease: down"),
    ):
        async with book.alock(lease=0.3, save_at_end=True):
            down, started = True, time.monotonic()
            await asyncio.sleep(10)
    assert 0.1 < time.monotonic() - started < 0.6
    assert "was not released and stays until its lease ends: down" in caplog.text
    await asyncio.sleep(0.3)


# --- fencing -----------------------------------------------------------------------------------------------


async def test_fencing_tokens_grow(book: LeaseBook, raw: Redis) -> None:
    lock = book.alock()
    assert lock.fence is None
    seen = []
    for _ in range(5):
        async with lock:
            seen.append(lock.fence)
    await raw.set(f"{_lock_name(book)}:fence", 2**52)  # as if the server's clock had been set back
    async with lock:
        seen.append(lock.fence)
    assert seen == sorted(set(seen))
    assert seen[-1] == 2**52 + 1
    assert 0 < await raw.pttl(f"{_lock_name(book)}:fence") <= 600_000


async def test_twelve_workers_with_leases_too_short_lose_nothing(book: LeaseBook) -> None:
    lost = 0

    async def work(number: int) -> None:
        nonlocal lost
        while True:
            try:
                async with LeaseBook.alock_from_key(book.key, save_at_end=True, lease=0.1) as mine:
                    mine.copies += 1
                    if number % 3 == 0 and lost < 4:
                        time.sleep(0.15)  # noqa: ASYNC251
                return
            except LockLostError:
                lost += 1

    await asyncio.gather(*(work(number) for number in range(12)))
    assert (await LeaseBook.aget(book.key)).copies == 12
    assert lost == 4


# --- cancellation ------------------------------------------------------------------------------------------


async def test_a_cancelled_holder_releases_and_saves_nothing(book: LeaseBook) -> None:
    inside = asyncio.Event()

    async def hold() -> None:
        async with LeaseBook.alock_from_key(book.key, save_at_end=True) as mine:
            mine.title = "new"
            inside.set()
            await asyncio.sleep(10)

    task = asyncio.create_task(hold())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with book.alock(wait=0):
        assert book.title == "old"


async def test_a_cancelled_waiter_leaves_nothing_and_the_next_gets_the_lock(
    book: LeaseBook, raw: Redis
) -> None:
    entered = []

    async def wait(number: int) -> None:
        async with LeaseBook.alock_from_key(book.key):
            entered.append(number)

    async with book.alock():
        tasks = []
        for number in range(5):
            tasks.append(asyncio.create_task(wait(number)))
            await _until(lambda: _queued(raw, book, len(tasks)))
        for number in (0, 2, 4):
            tasks[number].cancel()
        await asyncio.wait([tasks[number] for number in (0, 2, 4)])
        assert await raw.zcard(f"{_lock_name(book)}:queue") == 2
        assert await raw.zcount(f"{_lock_name(book)}:seen", 0, "inf") == 2
    await asyncio.gather(tasks[1], tasks[3])
    assert entered == [1, 3]


async def _queued(raw: Redis, book: LeaseBook, waiters: int) -> bool:
    return int(await raw.zcard(f"{_lock_name(book)}:queue")) == waiters


@pytest.mark.parametrize("free", [True, False])
async def test_cancelling_at_any_moment_leaves_nothing(book: LeaseBook, raw: Redis, free: bool) -> None:
    async def hold() -> None:
        async with LeaseBook.alock_from_key(book.key, save_at_end=True) as mine:
            mine.copies += 1

    outer = None if free else book.alock()
    for steps in range(60):
        if outer is not None:
            await outer.__aenter__()
        task = asyncio.create_task(hold())
        for _ in range(steps % 30):
            await asyncio.sleep(0)
        await asyncio.sleep(0.0001 * steps if steps % 2 else 0)
        task.cancel()
        if outer is not None:
            await outer.__aexit__(None, None, None)
        await asyncio.wait([task])
        async with LeaseBook.alock_from_key(book.key, wait=1):
            pass


async def test_a_task_cancelled_twice_returns_at_once_and_cleans_up_later(
    book: LeaseBook, raw: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = lock_module.run
    slow = asyncio.Event()

    async def run(source: Any, command: Any) -> Any:
        if command.args[0] == "release":
            await slow.wait()
        return await send(source, command)

    async def hold() -> None:
        async with LeaseBook.alock_from_key(book.key):
            await asyncio.sleep(10)

    monkeypatch.setattr(lock_module, "run", run)
    task = asyncio.create_task(hold())
    await _until(lambda: raw.exists(_lock_name(book)))
    for _ in range(2):
        task.cancel()
        await asyncio.wait([task], timeout=0.02)
    task.cancel()
    await asyncio.wait([task], timeout=0.5)
    assert task.cancelled()
    slow.set()
    await _until(lambda: _gone(raw, book))


async def _gone(raw: Redis, book: LeaseBook) -> bool:
    return not await raw.exists(_lock_name(book))


async def test_the_caller_s_cancellation_is_not_turned_into_a_loss(book: LeaseBook, raw: Redis) -> None:
    async def hold() -> None:
        async with LeaseBook.alock_from_key(book.key, lease=0.1):
            await raw.delete(_lock_name(book))
            await asyncio.sleep(10)

    with pytest.raises((asyncio.TimeoutError, LockLostError)):
        await asyncio.wait_for(hold(), 0.04)


# --- replies that are lost ---------------------------------------------------------------------------------


class _Faults:
    """Loses the reply to one operation of the lock's script, after it ran."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, operation: str, after: Callable[[], Any] | None = None
    ):
        self.sent: list[str] = []
        send = lock_module.run

        async def run(source: Any, command: Any) -> Any:
            reply = await send(source, command)
            self.sent.append(command.args[0])
            if command.args[0] == operation and self.sent.count(operation) == 1:
                if after is not None:
                    await after()
                raise UnknownOutcomeError("lost")
            return reply

        monkeypatch.setattr(lock_module, "run", run)


async def test_asking_again_finds_the_lock_held_by_oneself(source: ClientSource, book: LeaseBook) -> None:
    # What the retry policy does when the reply to the acquiring command was lost: it sends it again.
    lock = lock_module.Lock(source, book.key, lock_module.LockOptions(wait=0))
    first = await lock.acquire(".")
    again = await lock._ask(".")
    assert isinstance(again, lock_module.commands.Acquired)
    assert again.document == first
    await lock.leave(None)


async def test_a_command_to_acquire_that_arrives_after_giving_up_is_refused(
    source: ClientSource, book: LeaseBook, raw: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = lock_module.run
    late: list[Any] = []

    async def run(source: Any, command: Any) -> Any:
        if command.args[0] == "acquire":
            late.append(command)
            await asyncio.sleep(10)
        return await send(source, command)

    with monkeypatch.context() as patch:
        patch.setattr(lock_module, "run", run)
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(_enter_and_leave(book.alock()), 0.02)
    assert isinstance(await send(source, late[0]), lock_module.commands.Blocked)
    assert 0 < await raw.pttl(f"{_lock_name(book)}:seen") <= 10_000
    async with book.alock(wait=0):
        pass


async def _enter_and_leave(lock: Any) -> None:
    async with lock:
        pass


async def test_an_acquisition_given_up_is_undone(book: LeaseBook, monkeypatch: pytest.MonkeyPatch) -> None:
    _Faults(monkeypatch, "acquire")
    with pytest.raises(UnknownOutcomeError):
        async with book.alock():
            raise AssertionError
    async with book.alock(wait=0):
        pass


async def test_a_lost_reply_to_the_release_is_no_loss(
    book: LeaseBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    faults = _Faults(monkeypatch, "release")
    async with book.alock(save_at_end=True):
        book.title = "new"
    assert faults.sent == ["acquire", "save", "release", "release"]
    assert await _title(book) == "new"


async def test_a_lost_reply_to_the_save_saves_once(book: LeaseBook, monkeypatch: pytest.MonkeyPatch) -> None:
    faults = _Faults(monkeypatch, "save")
    async with book.alock(save_at_end=True):
        book.title = "new"
    assert faults.sent == ["acquire", "save", "save", "release"]
    assert await _title(book) == "new"


async def test_a_save_whose_reply_and_lease_are_lost_has_an_unknown_outcome(
    book: LeaseBook, raw: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Faults(monkeypatch, "save", lambda: raw.delete(_lock_name(book)))
    with pytest.raises(UnknownOutcomeError):
        async with book.alock(save_at_end=True):
            book.title = "new"


# --- holders and waiters that die --------------------------------------------------------------------------

_CHILD = """
import asyncio, sys
from rapyer import AtomicRedisModel, init_rapyer

class LeaseBook(AtomicRedisModel):
    title: str = "old"
    copies: int = 0

async def main(url, key, lease):
    await init_rapyer(url)
    async with LeaseBook.alock_from_key(key, lease=lease, save_at_end=True) as book:
        book.title = "of a dead holder"
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
"""


async def _child(url: str, book: LeaseBook, lease: float) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", _CHILD, url, str(book.key), str(lease), stdout=asyncio.subprocess.PIPE
    )


async def test_the_lock_of_a_killed_holder_is_free_after_its_lease(
    rapyer_redis_url: str, book: LeaseBook
) -> None:
    child = await _child(rapyer_redis_url, book, 0.6)
    assert child.stdout is not None
    assert await child.stdout.readline() == b"held\n"
    await asyncio.sleep(0.8)  # longer than the lease: it renews itself
    with pytest.raises(LockTimeoutError):
        async with book.alock(wait=0):
            raise AssertionError
    os.kill(child.pid, signal.SIGKILL)
    await child.wait()
    killed = time.monotonic()
    async with book.alock(wait=5):
        assert book.title == "old"
    assert time.monotonic() - killed < 0.9


async def test_a_killed_waiter_holds_up_the_others_only_for_a_moment(
    rapyer_redis_url: str, raw: Redis, book: LeaseBook
) -> None:
    async with book.alock():
        child = await _child(rapyer_redis_url, book, 30)
        await _until(lambda: _queued(raw, book, 1), 10)
        os.kill(child.pid, signal.SIGKILL)
        await child.wait()
    started = time.monotonic()
    async with book.alock(wait=10):
        pass
    assert time.monotonic() - started < 4


async def test_a_loop_that_ends_releases_what_it_holds(rapyer_redis_url: str, book: LeaseBook) -> None:
    def other_loop() -> None:
        async def main() -> None:
            other = ClientSource.from_url(rapyer_redis_url)
            held = lock_module.Lock(other, book.key, lock_module.LockOptions("ended"))

            async def hold() -> None:
                await held.acquire(".")
                try:
                    await asyncio.sleep(10)
                except BaseException as error:
                    await held.leave(error)
                    raise

            task = asyncio.create_task(hold())
            await _until(lambda: held.fence is not None)
            assert not task.done()  # the end of the loop cancels it

        asyncio.run(main())

    await asyncio.to_thread(other_loop)
    async with book.alock("ended", wait=0):
        pass

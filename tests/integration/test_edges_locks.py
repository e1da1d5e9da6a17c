"""Locks at their edges: what a holder sees, what the block may do, what goes on beside it."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

import rapyer
from rapyer import AtomicRedisModel
from rapyer.errors import LockLostError, LockTimeoutError

if TYPE_CHECKING:
    from redis.asyncio import Redis

pytestmark = pytest.mark.usefixtures("source")


class LockEdgePart(BaseModel):
    note: str = "n"
    items: list[int] = [1]


class LockEdgeBook(AtomicRedisModel):
    title: str = "old"
    copies: int = 0
    price: float = 1.5
    cover: bytes = b"c"
    printed: dt.datetime = dt.datetime(2024, 1, 1)
    tags: list[str] = ["a"]
    counts: dict[str, int] = {"a": 1}
    part: LockEdgePart = LockEdgePart()
    parts: list[LockEdgePart] = [LockEdgePart()]
    anything: Any = None


FIELDS = ("title", "copies", "price", "cover", "printed", "tags", "counts", "part", "parts")


async def stored(book: Any) -> Any:
    return await LockEdgeBook.aget(book.key)


async def lock_keys(raw: Redis) -> list[str]:
    """The keys that a lock leaves, but for the fencing tokens, which stay for a while."""
    return [key async for key in raw.scan_iter("*:lock*") if not key.endswith(":fence")]


async def test_a_stale_instance_is_refreshed_field_by_field() -> None:
    """What the lock yields is the instance itself, equal to what is stored, and each value knows its place."""
    stale: Any = await LockEdgeBook().asave()
    fresh = await stored(stale)
    await fresh.aupdate(
        title="new", copies=9, price=2.5, cover=b"\xff", printed=dt.datetime(2025, 1, 1), tags=["x", "y"],
        counts={"k.l": 1}, part={"note": "new"}, parts=[{"note": "1"}, {"note": "2"}],
    )  # fmt: skip
    async with stale.alock("edit") as locked:
        assert locked is stale
        for name in FIELDS:
            mine, theirs = getattr(stale, name), getattr(fresh, name)
            assert mine == theirs, name
            assert (type(mine), mine.key) == (type(theirs), stale.key)
            if name != "parts":
                assert mine.json_path == theirs.json_path == f"$.{name}"
        assert (stale.parts[1].items.json_path, stale.parts[1].key) == ("$.parts[1].items", stale.key)


async def test_values_changed_in_place_are_saved_at_the_end() -> None:
    """Whatever the block changed is saved: assigned, appended, or changed in place inside `Any`."""
    book: Any = await LockEdgeBook(anything={"a": [1]}).asave()
    async with book.alock(save_at_end=True):
        book.title = "new"
        book.parts[0].items.append(2)
        book.anything["a"].append(2)
    after = await stored(book)
    assert (after.title, after.parts[0].items, after.anything) == ("new", [1, 2], {"a": [1, 2]})
    assert after == book


async def test_two_hundred_increments_beside_a_saving_lock() -> None:
    """Atomic increments elsewhere are kept while locked blocks save other fields: none of 200 is lost."""
    book = await LockEdgeBook().asave()
    done = asyncio.Event()

    async def count() -> None:
        mine: Any = await stored(book)
        for _ in range(50):
            await mine.copies.aincrease()

    async def rename() -> int:
        turns = 0
        while not done.is_set():
            async with LockEdgeBook.alock_from_key(book.key, save_at_end=True) as mine:
                turns += 1
                mine.title = str(turns)
                mine.tags.append(str(turns))
        return turns

    renaming = asyncio.create_task(rename())
    await asyncio.gather(*(count() for _ in range(4)))
    done.set()
    turns = await renaming
    after = await stored(book)
    assert (after.copies, after.title, len(after.tags)) == (200, str(turns), turns + 1)


async def test_two_actions_of_one_model_lose_nothing() -> None:
    """Blocks under two actions run beside each other and save different fields: all changes are there."""
    book = await LockEdgeBook(tags=[]).asave()

    async def work(action: str, change: Any) -> None:
        for _ in range(10):
            async with LockEdgeBook.alock_from_key(book.key, action, save_at_end=True) as mine:
                change(mine)
                await asyncio.sleep(0)

    def count(mine: Any) -> None:
        mine.copies += 1

    await asyncio.gather(
        work("count", count),
        work("count", count),
        work("tag", lambda mine: mine.tags.append("t")),
        work("tag", lambda mine: mine.tags.append("u")),
    )
    after = await stored(book)
    assert (after.copies, sorted(after.tags)) == (20, ["t"] * 10 + ["u"] * 10)


async def test_the_class_form_excludes_by_primary_key_as_by_full_key() -> None:
    """Locking by the bare primary key and by the full key is the same lock, in every form."""
    book: Any = await LockEdgeBook().asave()
    for first, second in ((book.pk, book.key), (book.key, book.pk)):
        async with LockEdgeBook.alock_from_key(first):
            for other in (
                LockEdgeBook.alock_from_key(second, wait=0),
                rapyer.alock_from_key(str(book.key), wait=0),
                (await stored(book)).alock(wait=0),
            ):
                with pytest.raises(LockTimeoutError):
                    await asyncio.create_task(_enter(other))


async def _enter(lock: Any) -> None:
    async with lock:
        raise AssertionError


async def test_an_error_of_a_nested_lock_frees_both(raw: Redis) -> None:
    """Locks in each other (other models, other actions) are all released when the innermost block fails."""
    one, two = await LockEdgeBook.ainsert(LockEdgeBook(), LockEdgeBook())
    with pytest.raises(ZeroDivisionError):
        async with one.alock(save_at_end=True), two.alock(save_at_end=True), one.alock("other"):
            one.title = two.title = "lost"
            raise ZeroDivisionError
    assert await lock_keys(raw) == []
    assert [(await stored(book)).title for book in (one, two)] == ["old", "old"]


async def test_the_older_keyword_order_and_default() -> None:
    """`alock(action, save_at_end)` by position; without `save_at_end` only operations at once persist."""
    book: Any = await LockEdgeBook().asave()
    async with book.alock("edit", True):
        book.title = "saved"
    async with book.alock("edit"):
        book.title = "not saved"
        await book.copies.aincrease(3)
        await book.tags.aappend("b")
        await book.counts.aset_item("b", 2)
    after = await stored(book)
    assert (after.title, after.copies, after.tags, after.counts) == ("saved", 3, ["a", "b"], {"a": 1, "b": 2})


async def test_a_pipeline_under_a_lock_that_is_lost_is_told(raw: Redis) -> None:
    """A block whose lock was taken away ends in LockLostError, and its unsaved changes are not saved."""
    book: Any = await LockEdgeBook().asave()
    with pytest.raises(LockLostError, match="nothing was saved"):
        async with book.alock(save_at_end=True):
            book.title = "late"
            await raw.set(f"{book.key}/default:lock", "somebody else", px=60_000)
    assert (await stored(book)).title == "old"
    assert await raw.get(f"{book.key}/default:lock") == "somebody else"


async def test_fencing_tokens_of_a_model_grow_over_all_forms() -> None:
    """Each holding has a greater token than all before it, whichever form took the lock."""
    book: Any = await LockEdgeBook().asave()
    tokens = []
    for lock in (
        book.alock(),
        LockEdgeBook.alock_from_key(book.pk),
        rapyer.alock_from_key(str(book.key)),
        book.alock(save_at_end=True),
    ):
        async with lock:
            tokens.append(lock.fence)
    assert tokens == sorted(set(tokens))


async def test_a_lock_from_before_that_never_ends_is_honoured(raw: Redis) -> None:
    """A lock key without expiry, as other programs write it, keeps everybody out until it is deleted."""
    book: Any = await LockEdgeBook().asave()
    await raw.set(f"{book.key}/default:lock", "theirs")
    with pytest.raises(LockTimeoutError, match="is held by somebody else; waited 0.05 s"):
        await asyncio.create_task(_enter(book.alock(wait=0.05)))
    await raw.delete(f"{book.key}/default:lock")
    async with book.alock(wait=2):
        assert await LockEdgeBook.afind_keys() == [book.key]

"""A time to live that goes on to many referenced models.

It is written to the names that rapyer 1.3.6 has too, so that `peer.py` can run it; it is imported there only
when it is asked for, because its classes change what `init_rapyer` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.checks import equals
from benchmarks.referenced import TTL, BenchLeaf, BenchShelf
from benchmarks.timing import Work

if TYPE_CHECKING:
    from redis.asyncio import Redis

SIZES = (100, 1000, 10_000)
"""How many models are referred to: the cost is to grow as they do."""

_PER_INSERT = 1000


def names(size: int) -> tuple[str]:
    """Return the operations of a size."""
    return (f"cascade {size}",)


async def cascade_work(size: int) -> dict[str, Work]:
    """Store a model that refers to so many, and return what keeps all of them alive."""
    leaves = [BenchLeaf(number=number) for number in range(size)]
    for start in range(0, size, _PER_INSERT):
        await BenchLeaf.ainsert(*leaves[start : start + _PER_INSERT])
    shelf: Any = BenchShelf(leaves=[leaf.key for leaf in leaves])
    shelf.pk = f"of-{size}"
    await shelf.asave()

    async def re_arm(times: int) -> int:
        for _ in range(times):
            result = await shelf.aset_ttl(TTL, cascade=True)
        return int(result.dangling_children)

    return {f"cascade {size}": Work(re_arm, equals(0))}


def by_hand(client: Redis, size: int) -> dict[str, dict[str, Work]]:
    """Return the same through one client: the keys are read, and then re-armed in one pipeline."""
    key = f"BenchShelf:of-{size}"

    async def re_arm(times: int) -> int:
        for _ in range(times):
            (leaves,) = await client.json().get(key, "$.leaves")  # type: ignore[misc]
            async with client.pipeline(transaction=False) as pipe:
                pipe.expire(key, TTL)
                for leaf in leaves:
                    pipe.expire(leaf, TTL, nx=True)
                    pipe.expire(leaf, TTL, gt=True)
                replies = await pipe.execute()
        return len(replies) - 1 - 2 * size

    return {f"cascade {size}": {"raw": Work(re_arm, equals(0))}}

"""Action groups: the flags, what the decorator does, and the table in the documentation."""

from __future__ import annotations

import asyncio
import gc
import inspect
from typing import Any

import pytest

import rapyer.types
from rapyer import ActionGroup, AtomicRedisModel, RedisConfig
from rapyer.actions import acting, action, action_of, running_groups
from rapyer.errors import ConfigError, InvalidRefreshTtlError
from tests.action_table import PAGE, page, rows

R, F, C, U = ActionGroup.READ, ActionGroup.FETCH, ActionGroup.CREATE, ActionGroup.UPDATE
A, D, E, M = ActionGroup.APPEND, ActionGroup.DELETE, ActionGroup.ERASE, ActionGroup.ARITHMETIC

_NUMBER = "aincrease __iadd__ __isub__ __imul__ __ifloordiv__ __imod__ __ipow__"

DOCUMENTED: dict[str, dict[str, ActionGroup]] = {
    "AtomicRedisModel": {
        "asave": C | U,
        "aupdate aupdate_many": U,
        "aduplicate aduplicate_many ainsert": C,
        "aget afind afind_one apage aiter_find": R | F,
        "aload": R,
        "aget_or_create": C | R | F,
        "aset_ttl": U,
        "afind_keys acount aexists": R,
        "adelete adelete_by_key adelete_many": D,
    },
    "rapyer": {
        "aget afind afind_one": R | F,
        "aget_or_create": C | R | F,
        "ainsert": C,
        "aexists": R,
        "adelete_many": D,
    },
    "every field in the document": {"asave": U, "aload": R},
    "RedisStr": {"__iadd__": U | A, "__imul__": U},
    "RedisBytes": {"__iadd__": U | A},
    "RedisInt": {_NUMBER: U | M},
    "RedisFloat": {f"{_NUMBER} __itruediv__": U | M},
    "RedisDatetime": {"__iadd__ __isub__": U | M},
    "RedisDatetimeTimestamp": {"__iadd__ __isub__": U | M},
    "RedisList": {
        "__setitem__": U,
        "append extend insert __iadd__ aappend aextend ainsert": U | A,
        "clear remove_range aclear": U | E,
        "apop": U | E | R,
    },
    "RedisDict": {
        "update __setitem__ aset_item aupdate": U,
        "clear adel_item aclear": U | E,
        "apop apopitem": U | E | R,
    },
    "RedisSet": {
        "add update aadd aadd_many": U | A,
        "discard remove clear difference_update intersection_update aremove aclear": U | E,
        "symmetric_difference_update": U,
        "apop": U | E | R,
        "acontains amembers asize aunion aintersect adifference": R,
    },
    "RedisPriorityQueue": {
        "apush apush_many": U | A,
        "aremove aclear": U | E,
        "apop": U | E | R,
        "apeek asize aitems": R,
    },
}
"""Every row of the documented tables."""

QUIET = "aset_ttl afind_keys acount aexists adelete adelete_by_key adelete_many"

UNCLASSIFIED = {
    "acreate_index",
    "adelete_index",
    "alock",
    "alock_from_key",
    "apipeline",
    "afetch",
    "aindex_plan",
    "aunload",
}
"""What concerns no stored values, or is made of other operations."""


def test_the_groups_have_the_documented_values() -> None:
    assert [(group.name, group.value) for group in ActionGroup] == [
        ("READ", 1),
        ("FETCH", 2),
        ("CREATE", 4),
        ("UPDATE", 8),
        ("APPEND", 16),
        ("DELETE", 32),
        ("ERASE", 64),
        ("ARITHMETIC", 128),
    ]
    assert ActionGroup.all().value == 255
    assert ActionGroup.all(for_ttl=True) == ActionGroup.all() & ~ActionGroup.DELETE


def test_the_table_holds_every_documented_row() -> None:
    stated = {(row.source, row.name): row.action for row in rows()}
    for source, operations in DOCUMENTED.items():
        for names, groups in operations.items():
            for name in names.split():
                assert stated[source, name].groups == groups, f"{source}.{name}"
                quiet = source in {"AtomicRedisModel", "rapyer"} and name in QUIET.split()
                assert stated[source, name].refreshes is not quiet, f"{source}.{name}"


def test_whoever_loads_also_reads() -> None:
    assert all(R in row.action.groups for row in rows() if F in row.action.groups)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python docs/actions.py`"


def _coroutines(owner: Any) -> list[tuple[str, Any]]:
    found = [(name, inspect.getattr_static(owner, name)) for name in dir(owner)]
    plain = [(name, getattr(member, "__func__", member)) for name, member in found]
    return [(n, m) for n, m in plain if inspect.iscoroutinefunction(m) or inspect.isasyncgenfunction(m)]


@pytest.mark.parametrize(
    "owner", [AtomicRedisModel, *(getattr(rapyer.types, n) for n in rapyer.types.__all__), rapyer]
)
def test_every_async_operation_is_in_a_group(owner: Any) -> None:
    if owner is rapyer:
        operations = [(n, m) for n, m in _coroutines(rapyer) if n in rapyer.__all__ and "_rapyer" not in n]
    else:
        operations = _coroutines(owner)
    left_out = [
        name
        for name, member in operations
        if not name.startswith("_") and name not in UNCLASSIFIED and action_of(member) is None
    ]
    assert left_out == []


class Refreshing:
    """Stands for a model whose operations note what is running."""

    def __init__(self) -> None:
        self.seen: list[int | None] = []

    @action(U, A)
    async def outer(self) -> None:
        self.seen.append(running_groups())
        await self.inner()

    @action(R)
    async def inner(self) -> None:
        self.seen.append(running_groups())

    @action(R, refreshes=False)
    async def quiet(self) -> None:
        await self.inner()

    @action(R)
    async def fails(self) -> None:
        raise LookupError

    @action(R)
    async def waits(self) -> None:
        await asyncio.Event().wait()

    @action(E)
    def sync(self) -> None:
        self.seen.append(running_groups())


async def test_the_outermost_operation_is_the_running_one() -> None:
    model = Refreshing()
    await model.outer()
    await model.inner()
    await model.quiet()
    model.sync()
    assert model.seen == [24, 24, 1, 0, None]
    with acting(R, F):
        await model.outer()
    assert model.seen[5:] == [3, 3]
    assert running_groups() is None


async def test_nothing_runs_any_more_after_an_exception() -> None:
    """§13.47."""
    model = Refreshing()
    with pytest.raises(LookupError):
        await model.fails()
    assert running_groups() is None


def test_an_operation_that_is_thrown_away_with_its_task_makes_no_noise() -> None:
    loop = asyncio.new_event_loop()
    task = loop.create_task(Refreshing().waits())
    loop.call_soon(loop.stop)
    loop.run_forever()
    task._log_destroy_pending = False  # type: ignore[attr-defined]
    del task
    loop.close()
    gc.collect()
    assert running_groups() is None


def test_a_sync_operation_is_the_function_itself() -> None:
    assert not hasattr(Refreshing.sync, "__wrapped__")
    stated = action_of(Refreshing.sync)
    assert stated is not None
    assert stated.groups == E


@pytest.mark.parametrize("bad", [ActionGroup.DELETE, ActionGroup.all(), U | D])
def test_delete_is_no_refresh(bad: ActionGroup) -> None:
    """§13.53."""
    said = (
        "refresh_ttl cannot name ActionGroup.DELETE, after which no key is left; "
        r"leave it out, or use ActionGroup.all\(for_ttl=True\)"
    )
    with pytest.raises(InvalidRefreshTtlError, match=said):
        RedisConfig(refresh_ttl=bad)
    config = RedisConfig(refresh_ttl=U)
    with pytest.raises(InvalidRefreshTtlError, match=said):
        config.refresh_ttl = bad
    assert config.refresh_ttl == U
    assert issubclass(InvalidRefreshTtlError, ConfigError)
    assert not issubclass(InvalidRefreshTtlError, ValueError)


@pytest.mark.parametrize("bad", [1, 0, None, "UPDATE", 8])
def test_refresh_ttl_is_a_bool_or_groups(bad: Any) -> None:
    with pytest.raises(ValueError, match="refresh_ttl is True, False or some of the groups of ActionGroup"):
        RedisConfig(refresh_ttl=bad)


@pytest.mark.parametrize(
    ("config", "groups", "expected"),
    [
        (RedisConfig(ttl=5), U, True),
        (RedisConfig(ttl=5), ActionGroup(0), False),
        (RedisConfig(), U, True),
        (RedisConfig(refresh_ttl=U), A, False),
        (RedisConfig(ttl=5, refresh_ttl=False), U, False),
        (RedisConfig(ttl=5, refresh_ttl=ActionGroup(0)), ActionGroup.all(), False),
        (RedisConfig(ttl=5, refresh_ttl=U | A), A | R, True),
        (RedisConfig(ttl=5, refresh_ttl=U | A), R | F, False),
        (RedisConfig(ttl=5, refresh_ttl=ActionGroup.all(for_ttl=True)), E, True),  # §13.54
    ],
)
def test_who_refreshes(config: RedisConfig, groups: ActionGroup, expected: bool) -> None:
    assert config.refreshes(groups.value) is expected


def test_a_class_inherits_what_refreshes() -> None:
    class ActionParent(AtomicRedisModel):
        Meta = RedisConfig(ttl=60, refresh_ttl=U, init_with_rapyer=False)

    class ActionChild(ActionParent):
        Meta = RedisConfig(ttl=90, init_with_rapyer=False)

    assert (ActionChild.Meta.ttl, ActionChild.Meta.refresh_ttl) == (90, U)
    ActionChild.Meta.refresh_ttl = False
    assert ActionParent.Meta.refresh_ttl == U
    assert ActionParent.should_refresh()
    assert ActionParent.should_refresh_for_action(U | R)
    assert not ActionParent.should_refresh_for_action(R)
    assert ActionParent.should_refresh_for_action()
    assert not ActionChild.should_refresh()
    assert not AtomicRedisModel.should_refresh()

"""What magics refuse in their lines, their equals in Python refuse as well, before anything is done."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import pytest

import rapyer_nb
from rapyer import AtomicRedisModel
from rapyer_nb.errors import NotebookError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rapyer.session.clients import ClientSource


class EqualDoc(AtomicRedisModel):
    number: int = 0


async def never() -> None:
    raise AssertionError("it was run")


async def anything(ask: Callable[..., Any], *given: Any, **options: Any) -> None:
    await ask(*given, **options)


@pytest.mark.parametrize("number", [0, 1, -3, 1001, True, 2.5, "5"])
async def test_a_race_needs_several_runs(source: ClientSource, number: Any) -> None:
    with pytest.raises(NotebookError, match=rf"n is from 2 to 1,000, not {number!r}"):
        await rapyer_nb.race(never, n=number)


@pytest.mark.parametrize("seconds", [0, -1, math.inf, math.nan, True, "5"])
async def test_a_watch_takes_a_time(source: ClientSource, seconds: Any) -> None:
    with pytest.raises(NotebookError, match=f"a positive number of seconds is needed, not {seconds!r}"):
        await rapyer_nb.watch(EqualDoc, seconds=seconds)


@pytest.mark.parametrize("number", [0, -1, True, 1.5, "5", sys.maxsize + 1])
@pytest.mark.parametrize(
    ("ask", "name"),
    [(rapyer_nb.keys, "limit"), (rapyer_nb.memory, "sample"), (rapyer_nb.live_table, "limit")],
)
async def test_numbers_are_positive(
    source: ClientSource, ask: Callable[..., Any], name: str, number: Any
) -> None:
    with pytest.raises(NotebookError, match=f"{name} is a positive whole number, not {number!r}"):
        await anything(ask, EqualDoc, **{name: number})


@pytest.mark.parametrize("given", [AtomicRedisModel, int])
@pytest.mark.parametrize(
    ("ask", "before", "after"),
    [
        (rapyer_nb.models, (), ()),
        (rapyer_nb.keys, (), ()),
        (rapyer_nb.memory, (), ()),
        (rapyer_nb.index, ("plan",), ()),
        (rapyer_nb.watch, (), ()),
        (rapyer_nb.plot, (), ("number",)),
        (rapyer_nb.snapshot, ("shot",), ()),
    ],
)
async def test_what_is_no_model_class_is_refused(
    source: ClientSource,
    ask: Callable[..., Any],
    before: tuple[str, ...],
    after: tuple[str, ...],
    given: type,
) -> None:
    told = "AtomicRedisModel is the base of model classes, and none itself"
    with pytest.raises(NotebookError) as raised:
        await anything(ask, *before, given, *after)
    assert str(raised.value).startswith(told if given is AtomicRedisModel else "a class is no model class")
    with pytest.raises(NotebookError, match="is the base of model classes"):
        rapyer_nb.schema(AtomicRedisModel)


async def test_the_least_that_is_allowed(source: ClientSource) -> None:
    docs = [EqualDoc(), EqualDoc()]
    await EqualDoc.ainsert(*docs)
    assert len(await rapyer_nb.keys(EqualDoc, limit=1)) == 1
    assert (await rapyer_nb.memory(EqualDoc, sample=1))["EqualDoc"].measured == 1
    table = await rapyer_nb.live_table(EqualDoc, limit=1)
    assert len(table.found) == 1
    table.close()
    assert len(await rapyer_nb.watch(EqualDoc, seconds=0.01)) == 0

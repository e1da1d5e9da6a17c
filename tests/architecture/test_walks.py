"""The walks in docs/architecture.md are the ways that calls take."""

from __future__ import annotations

import re
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from rapyer import AtomicRedisModel, Index, init_rapyer, teardown_rapyer
from tests.architecture.layers import ROOT

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from types import FrameType

_STEP = re.compile(r"`(rapyer/[\w/]+\.py)`|`([\w.]+)(?:\(…\))?`")


class Walked(AtomicRedisModel):
    tags: list[str] = []
    age: Index[int] = 18


@pytest.fixture
async def walked(rapyer_redis_url: str) -> AsyncIterator[Walked]:
    await init_rapyer(rapyer_redis_url)
    walked = await Walked().asave()
    yield walked
    await Walked.adelete_many(Walked.age >= 0)
    await teardown_rapyer()


def walk(title: str) -> list[tuple[str, str | None]]:
    """Return the modules that a walk names, in its order, each with a function of it, if it names one."""
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    steps = text.partition(f"\n`{title}`:\n\n")[2].partition("\n\n")[0]
    found: list[tuple[str, str | None]] = []
    for module, function in _STEP.findall(steps):
        if module:
            found.append((module, None))
        elif found[-1][1] is None and (function[:1].islower() or "." in function):
            found[-1] = (found[-1][0], function.rpartition(".")[2])
    return found


@contextmanager
def calls() -> Iterator[list[tuple[str, str]]]:
    """Note each call of a function of the library: its module's path and its name."""
    seen: list[tuple[str, str]] = []

    def note(frame: FrameType, event: str, argument: Any) -> None:
        if event == "call" and frame.f_code.co_filename.startswith(str(ROOT / "rapyer")):
            seen.append((frame.f_code.co_filename.removeprefix(f"{ROOT}/"), frame.f_code.co_name))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield seen
    finally:
        sys.setprofile(before)


def assert_in_order(named: list[tuple[str, str | None]], seen: list[tuple[str, str]]) -> None:
    at = 0
    for module, function in named:
        rest = enumerate(seen[at:], at)
        later = [place for place, (where, name) in rest if where == module and function in {None, name}]
        assert later, f"{module} {function or ''} is not called after {seen[at - 1] if at else 'the start'}"
        at = later[0]


async def test_the_walk_of_an_operation(walked: Walked) -> None:
    with calls() as seen:
        await walked.tags.aappend("x")
    named = walk('await user.tags.aappend("x")')
    assert len(named) == 7
    assert_in_order(named, seen)


async def test_the_walk_of_a_search(walked: Walked) -> None:
    with calls() as seen:
        await Walked.afind(Walked.age >= 18)
    named = walk("await User.afind(User.age >= 18)")
    assert len(named) == 8
    assert_in_order(named, seen)


async def test_a_way_that_is_not_taken_is_noticed(walked: Walked) -> None:
    with calls() as seen:
        await walked.tags.aappend("x")
    with pytest.raises(AssertionError, match=r"rapyer/search/compile.py  is not called"):
        assert_in_order([("rapyer/types/list.py", "aappend"), ("rapyer/search/compile.py", None)], seen)

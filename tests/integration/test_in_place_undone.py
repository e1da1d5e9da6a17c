"""What changed in place in a block that fails is as it was before, however far the block has come."""

from __future__ import annotations

from typing import Any

import pytest

import rapyer
from rapyer import AtomicRedisModel, Key
from rapyer.errors import CantSerializeRedisValueError, RapyerError

pytestmark = pytest.mark.usefixtures("source")


class UndoneDoc(AtomicRedisModel):
    name: Key[str]
    anything: Any = None
    items: list[Any] = []
    named: dict[str, Any] = {}


async def _doc() -> UndoneDoc:
    return await UndoneDoc(name="a", anything={"k": [1]}, items=[[1]], named={"x": [1]}).asave()


def _grow(doc: UndoneDoc, value: Any) -> None:
    doc.anything["k"].append(value)
    doc.items[0].append(value)
    doc.named["x"].append(value)


def _held(doc: UndoneDoc) -> list[Any]:
    return [doc.anything["k"], doc.items[0], doc.named["x"]]


async def test_one_that_can_be_stored_goes_back_with_one_that_cannot() -> None:
    doc = await _doc()
    with pytest.raises(CantSerializeRedisValueError):
        async with doc.apipeline():
            doc.anything["k"].append(2)
            doc.items[0].append(2)
            doc.named["x"].append(lambda: None)
    assert _held(doc) == [[1], [1], [1]]
    assert _held(await UndoneDoc.aget("a")) == [[1], [1], [1]]


async def test_they_go_back_where_the_server_refuses_the_block() -> None:
    doc = UndoneDoc(name="never", anything={"k": [1]}, items=[[1]], named={"x": [1]})
    with pytest.raises(RapyerError):
        async with rapyer.apipeline():
            _grow(doc, 2)
    assert _held(doc) == [[1], [1], [1]]


async def test_a_part_of_a_block_goes_back_to_where_it_began() -> None:
    doc = await _doc()
    async with doc.apipeline():
        _grow(doc, 2)
        with pytest.raises(CantSerializeRedisValueError):
            async with rapyer.apipeline(use_existing_pipe=True):
                doc.anything["k"].append(3)
                doc.named["x"].append(lambda: None)
        assert _held(doc) == [[1, 2], [1, 2], [1, 2]]
        _grow(doc, 4)
    assert _held(doc) == _held(await UndoneDoc.aget("a")) == [[1, 2, 4], [1, 2, 4], [1, 2, 4]]


async def test_a_whole_block_goes_back_to_where_it_began_after_a_part_was_kept() -> None:
    doc = await _doc()
    with pytest.raises(ZeroDivisionError):
        async with doc.apipeline():
            _grow(doc, 2)
            async with rapyer.apipeline(use_existing_pipe=True):
                _grow(doc, 3)
            _grow(doc, 4)
            raise ZeroDivisionError
    assert _held(doc) == _held(await UndoneDoc.aget("a")) == [[1], [1], [1]]

"""Vectors: taken from lists and arrays, checked before they are stored, and found by each metric."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError

from rapyer import AtomicRedisModel, Index
from rapyer.errors import BadFilterError, CantSerializeRedisValueError, UnsupportedIndexedFieldError
from rapyer.search.index import ensure_index
from rapyer.search.places import declared

if TYPE_CHECKING:
    from collections.abc import Callable

    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource

Numbers = list[float] | None


class VectoredPart(BaseModel):
    at: Annotated[Numbers, Index(dim=3, metric="L2", type="FLOAT64")] = None


class VectoredRow(AtomicRedisModel):
    group: Index[int] = 0
    flat_cosine: Annotated[Numbers, Index(dim=3)] = None
    flat_l2: Annotated[Numbers, Index(dim=3, metric="L2", type="FLOAT64")] = None
    flat_ip: Annotated[Numbers, Index(dim=3, metric="IP")] = None
    graph_cosine: Annotated[Numbers, Index(dim=3, algorithm="HNSW", type="FLOAT64")] = None
    graph_l2: Annotated[Numbers, Index(dim=3, algorithm="HNSW", metric="L2")] = None
    graph_ip: Annotated[Numbers, Index(dim=3, algorithm="HNSW", metric="IP", type="FLOAT64")] = None
    part: VectoredPart | None = None


def _array(*numbers: float) -> Any:
    """Return an array, which a field takes though it is declared to be a list."""
    return np.array(numbers)


def _cosine(one: Any, other: Any) -> float:
    return 1 - float(np.dot(one, other)) / (math.hypot(*one) * math.hypot(*other))


def _inner(one: Any, other: Any) -> float:
    return 1 - float(np.dot(one, other))


_METRICS: dict[str, Callable[[Any, Any], float]] = {"cosine": _cosine, "l2": math.dist, "ip": _inner}


@pytest.mark.parametrize("metric", ["cosine", "l2", "ip"])
@pytest.mark.parametrize("algorithm", ["flat", "graph"])
@pytest.mark.parametrize("kind", ["float32", "float64", "int64"])
async def test_arrays_are_stored_and_found_by_each_metric(
    source: ClientSource, algorithm: Literal["flat", "graph"], metric: str, kind: str
) -> None:
    await ensure_index(VectoredRow, source)
    name = f"{algorithm}_{metric}"
    points: list[Any] = [np.array([n + 1, (n * 7) % 11, (n * n) % 13], dtype=kind) for n in range(30)]
    rows = [VectoredRow(group=n % 2, **{name: point}) for n, point in enumerate(points)]
    await VectoredRow.ainsert(*rows)
    asked = np.array([3, 5, 2], dtype=kind)
    far = {row.key: _METRICS[metric](point, asked) for row, point in zip(rows, points, strict=True)}
    field: Any = getattr(VectoredRow, name)

    found = await VectoredRow.afind(field.nearest(asked, k=5))
    among = await VectoredRow.afind((VectoredRow.group == 1) & field.nearest(asked, k=5))

    assert [far[row.key] for row in found] == pytest.approx(sorted(far.values())[:5], abs=1e-5)
    assert getattr(found[0], name) == next(
        point.tolist() for row, point in zip(rows, points, strict=True) if row.key == found[0].key
    )
    odd = sorted(far[row.key] for row in rows if row.group == 1)
    assert [far[row.key] for row in among] == pytest.approx(odd[:5], abs=1e-5)


async def test_a_vector_in_a_nested_model_is_found(source: ClientSource) -> None:
    await ensure_index(VectoredRow, source)
    rows = [VectoredRow(part=VectoredPart(at=[n, 0, 0])) for n in range(4)]
    await VectoredRow.ainsert(*rows, VectoredRow(), VectoredRow(part=VectoredPart()))
    at: Any = VectoredRow.part.at  # type: ignore[union-attr]

    found = await VectoredRow.afind(at.nearest(np.array([2.1, 0.0, 0.0]), k=2))

    assert [row.key for row in found] == [rows[2].key, rows[3].key]
    assert await VectoredRow.acount(at.is_none()) == 2


async def test_arrays_are_taken_wherever_a_field_is_written(source: ClientSource) -> None:
    await ensure_index(VectoredRow, source)
    row = await VectoredRow(flat_l2=_array(0, 0, 0)).asave()
    row.flat_l2 = _array(1, 2, 3)
    await row.asave()
    assert (await VectoredRow.aget(row.key)).flat_l2 == [1.0, 2.0, 3.0]
    async with row.apipeline():
        row.flat_l2 = _array(4, 5, 6)
    await row.aupdate(flat_cosine=np.array([7, 8, 9]))
    await VectoredRow.aupdate_many(VectoredRow.group == 0, flat_ip=(np.float32(1), 2, np.int64(3)))
    loaded = await VectoredRow.aget(row.key)
    assert loaded.flat_l2 == [4.0, 5.0, 6.0]
    assert loaded.flat_cosine == [7.0, 8.0, 9.0]
    assert loaded.flat_ip == [1.0, 2.0, 3.0]


_FLAWS: list[tuple[Any, str]] = [
    ([1.0, 2.0], "the vector has 2 numbers and not 3"),
    ([], "the vector has 0 numbers and not 3"),
    (np.zeros(4), "the vector has 4 numbers and not 3"),
    ([1e300, 0.0, 0.0], "the vector has 1e[+]300 in it, which is beyond FLOAT32"),
]


@pytest.mark.parametrize(("vector", "said"), _FLAWS, ids=str)
async def test_what_an_index_cannot_hold_is_refused(source: ClientSource, vector: Any, said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        VectoredRow(flat_cosine=vector)
    with pytest.raises(BadFilterError, match=f"VectoredRow.flat_cosine .*{said}"):
        VectoredRow.flat_cosine.nearest(vector)  # type: ignore[union-attr]
    row = await VectoredRow(flat_cosine=[1, 2, 3]).asave()
    with pytest.raises(ValidationError, match=said):
        await row.aupdate(flat_cosine=vector)
    assert (await VectoredRow.aget(row.key)).flat_cosine == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused(number: float) -> None:
    with pytest.raises(ValidationError, match="finite number"):
        VectoredRow(flat_l2=_array(0, number, 0))
    with pytest.raises(BadFilterError, match=f"the vector has {number} in it, which is no number"):
        VectoredRow.flat_l2.nearest([0, number, 0])  # type: ignore[union-attr]


@pytest.mark.parametrize("given", ["abc", 3, np.zeros((3, 3)), ["1", "2", "3"], [True, False, True], None])
def test_what_is_no_vector_is_not_asked_for(given: Any) -> None:
    with pytest.raises(BadFilterError, match="VectoredRow.flat_l2 compares with a vector of 3 numbers"):
        VectoredRow.flat_l2.nearest(given)  # type: ignore[union-attr]


async def test_a_list_that_grew_is_not_stored(source: ClientSource, raw: Redis) -> None:
    row = await VectoredRow(flat_l2=[1, 2, 3]).asave()
    assert row.flat_l2 is not None
    row.flat_l2.append(4.0)

    with pytest.raises(CantSerializeRedisValueError) as caught:
        await row.asave()

    told = "VectoredRow.flat_l2 cannot be stored: the vector has 4 numbers and not 3"
    assert str(caught.value) == f"{told}; no search would find the document"
    assert (await VectoredRow.aget(row.key)).flat_l2 == [1.0, 2.0, 3.0]


async def test_a_document_with_another_vector_is_read(source: ClientSource, raw: Redis) -> None:
    row = await VectoredRow(flat_l2=[1, 2, 3]).asave()
    await raw.execute_command("JSON.SET", row.key, "$.flat_l2", "[1, 2]")  # type: ignore[no-untyped-call]

    assert (await VectoredRow.aget(row.key)).flat_l2 == [1.0, 2.0]


def test_vectors_in_lists_are_refused() -> None:
    class VectoredMany(AtomicRedisModel):
        several: Annotated[list[list[float]], Index(dim=3)] = []

    with pytest.raises(
        UnsupportedIndexedFieldError, match=r"VectoredMany.several has an Index with Index\(dim=3\)"
    ):
        list(declared(VectoredMany))

"""Reading what servers tell of queries, in the forms of several versions of them and of the protocol."""

from __future__ import annotations

from typing import Any

import pytest

from rapyer.codec.plans import PlanNode, Reader, plan_tree, profile_of

NUMBERS = Reader("NUMERIC", "0 - 13", 5, 14, 0.25)
BOTH = Reader("INTERSECT", "", 4, None, 0.5, (NUMBERS, Reader("TAG", "b1", 3, 16, 0.0)))

FLAT: list[Any] = [
    *(b"Type", b"INTERSECT", b"Time", b"0.5", b"Counter", 4, b"Child iterators"),
    [b"Type", b"NUMERIC", b"Term", b"0 - 13", b"Time", b"0.25", b"Counter", 5, b"Size", 14],
    [b"Type", b"TAG", b"Term", b"b1", b"Time", b"0", b"Counter", 3, b"Size", 16],
]
NAMED: dict[bytes, Any] = {
    b"Type": b"INTERSECT",
    b"Time": 0.5,
    b"Counter": 4,
    b"Child iterators": [
        {b"Type": b"NUMERIC", b"Term": b"0 - 13", b"Time": 0.25, b"Counter": 5, b"Size": 14},
        None,
        {b"Type": b"TAG", b"Term": b"b1", b"Time": 0.0, b"Counter": 3, b"Size": 16},
    ],
}
TIMED: dict[bytes, Any] = {b"Total profile time": 0.75, b"Iterators profile": [NAMED]}
SHARD = [b"Total profile time", b"0.75", b"Iterators profile", FLAT]


@pytest.mark.parametrize(
    "reply",
    [
        [[4], [[b"Total profile time", b"0.75"], [b"Warning"], [b"Iterators profile", FLAT]]],
        {b"total_results": 4, b"results": [], b"profile": TIMED},
        [b"Results", [4], b"Profile", [b"Shards", [SHARD], b"Coordinator", []]],
        {b"Results": {b"total_results": 4}, b"Profile": {b"Shards": [TIMED], b"Coordinator": {}}},
    ],
)
def test_a_profile_in_any_form(reply: Any) -> None:
    profile = profile_of(reply)
    assert (profile.found, profile.milliseconds, profile.readers) == (4, 0.75, (BOTH,))
    assert list(BOTH.lines())[:2] == ["INTERSECT: 4 in 0.5 ms", "  NUMERIC 0 - 13: 5 of 14 in 0.25 ms"]


def test_a_plan_is_a_tree() -> None:
    plan = plan_tree(
        b"VECTOR {\n  INTERSECT {\n    NUMERIC {1.0 <= @n <= 5.0}\n    NOT{\n      TAG:@t {\n        a\n      }\n"
        b"    }\n  }\n} => {K=3 nearest vectors}\n"
    )
    inner = PlanNode(
        "INTERSECT",
        (PlanNode("NUMERIC {1.0 <= @n <= 5.0}"), PlanNode("NOT", (PlanNode("TAG:@t", (PlanNode("a"),)),))),
    )
    assert plan == PlanNode("VECTOR => {K=3 nearest vectors}", (inner,))
    assert list(inner.lines()) == [
        "INTERSECT",
        "  NUMERIC {1.0 <= @n <= 5.0}",
        "  NOT",
        "    TAG:@t",
        "      a",
    ]


@pytest.mark.parametrize(
    ("text", "scans"),
    [
        ("<WILDCARD>", True),
        ("NOT{\n  a\n}", True),
        ("INTERSECT {\n  NOT{\n    a\n  }\n  b\n}", False),
        ("INTERSECT {\n  NOT{\n    a\n  }\n  NOT{\n    b\n  }\n}", True),
        ("UNION {\n  NOT{\n    a\n  }\n  b\n}", True),
        ("@x:UNION {\n  a\n  b\n}", False),
        ("TAG:@t {\n  NOT\n}", False),
    ],
)
def test_what_looks_at_every_document(text: str, scans: bool) -> None:
    assert plan_tree(text).scans is scans

"""Random filters over random rows give what the same filters mean in Python."""

from __future__ import annotations

import asyncio
import operator
from functools import reduce
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from rapyer.model.registry import registry
from rapyer.search.evaluate import holds
from rapyer.search.index import ensure_index
from rapyer.session.clients import ClientSource
from tests.integration.queried import ASKED, NASTY, ROWS, TEXTS, QueriedRow

_EQUALS = [operator.eq, operator.ne]
_ORDERS = [*_EQUALS, operator.lt, operator.le, operator.gt, operator.ge]
_ORDERED = {"number", "big", "real", "money", "at", "day", "clock", "span", "level"}
_PATHS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ASKED if name != "place"},
    "tags": ("text",),
    "numbers": ("big",),
    "days": ("day",),
    "prices": ("real",),
    "words": ("text",),
    "colors": ("color",),
    "sizes": ("size",),
    "uids": ("uid",),
    "levels": ("level",),
    "sums": ("money",),
    "moments": ("day",),
    "stamps": ("at",),
    "maybe": ("nick",),
    "named_times": ("clock",),
    "home.heated": ("flag",),
    "home.built": ("at",),
    "home.color": ("color",),
    "home.rent": ("money",),
    "home.names": ("text",),
    **{f"items.{name}": (name,) for name in ("at", "uid", "level", "size", "span")},
    "items.tags": ("text",),
    "named.at": ("at",),
    "named.uid": ("uid",),
    "home.city": ("text",),
    "home.zip": ("nick",),
    "home.floor": ("number",),
    "items.name": ("nick",),
    "items.price": ("real",),
    "items.day": ("day",),
    "named.name": ("nick",),
    "named.price": ("real",),
    "bio": ("text",),
}
_NEVER_NONE = {"number", "text", "bio"}


def _field(path: str) -> Any:
    return reduce(getattr, path.split("."), QueriedRow)


@st.composite
def _comparisons(draw: Any) -> Any:
    path = draw(st.sampled_from(sorted(_PATHS)))
    (about,) = _PATHS[path]
    values = st.sampled_from(ASKED[about])
    field = _field(path)
    how = draw(st.integers(0, 3))
    if how == 0 and path not in _NEVER_NONE:
        return field.is_none() if draw(st.booleans()) else field != None  # noqa: E711 - builds a filter
    if how == 1:
        return field.one_of(draw(st.lists(values, min_size=1, max_size=3)))
    if how == 2 and about in _ORDERED:
        return field.between(draw(values), draw(values))
    return draw(st.sampled_from(_ORDERS if about in _ORDERED else _EQUALS))(field, draw(values))


@st.composite
def _about_text(draw: Any) -> Any:
    how = draw(st.sampled_from(["prefix", "suffix", "contains", "nick", "tags", "matches", "fuzzy", "near"]))
    part = draw(st.sampled_from([text for text in NASTY if text]))
    if how == "nick":
        return QueriedRow.nick.prefix(part)  # type: ignore[union-attr]
    if how == "tags":
        several = draw(st.sampled_from(["tags", "words", "items.tags", "home.names", "maybe"]))
        return getattr(_field(several), draw(st.sampled_from(["contains", "prefix"])))(part)
    if how == "near":
        lon, lat, km = draw(st.sampled_from([(2.3, 48.8, 10.0), (13.4, 52.5, 900.0), (0.0, 0.0, 0.5)]))
        return QueriedRow.place.near(lon, lat, km)  # type: ignore[union-attr]
    if how == "matches":
        words = [text for text in TEXTS if text not in {"", "\\", "- -"}]
        return QueriedRow.bio.matches(draw(st.sampled_from([*words, "fox", "RED", "the", "line", "t"])))  # type: ignore[attr-defined]
    if how == "fuzzy":
        word = draw(st.sampled_from(["fox", "rde", "runing", "ete", "dag", "o"]))
        return QueriedRow.bio.fuzzy(word, draw(st.integers(1, 3)))  # type: ignore[attr-defined]
    return getattr(QueriedRow.text, how)(part)


_TREES = st.recursive(
    _comparisons() | _about_text(),
    lambda inner: st.one_of(
        st.builds(operator.and_, inner, inner),
        st.builds(operator.or_, inner, inner),
        st.builds(operator.invert, inner),
    ),
    max_leaves=6,
)


@pytest.mark.filterwarnings("ignore:Generating overly large repr")  # which would hide the filter that failed
@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # each try stores rows, so shrinking takes minutes
)
@given(rows=st.lists(ROWS, min_size=1, max_size=12), trees=st.lists(_TREES, min_size=1, max_size=12))
def test_a_filter_finds_what_it_means_in_python(
    rows: list[Any], trees: list[Any], rapyer_redis_url: str
) -> None:
    async def check() -> None:
        source = ClientSource.from_url(rapyer_redis_url)
        registry.bind(source)
        keys = await QueriedRow.afind_keys()
        if keys:
            await QueriedRow.adelete_many(*keys)
        await ensure_index(QueriedRow, source)
        copies = [row.model_copy(deep=True) for row in rows]
        await QueriedRow.ainsert(*copies)
        loaded = await QueriedRow.afind(*[row.key for row in copies])
        for tree in trees:
            wanted = {row.key for row in loaded if holds(tree, row)}
            found = {row.key for row in await QueriedRow.afind(tree)}
            assert found == wanted, tree
        await source.aclose()

    asyncio.run(check())

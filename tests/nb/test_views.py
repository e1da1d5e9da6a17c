"""How models and results look: escaped, clipped, in both forms, without reading Redis."""

from __future__ import annotations

import copy
import pickle
from datetime import datetime, timezone
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.lib.pretty import pretty
from pydantic import BaseModel, SecretStr

from rapyer import AtomicRedisModel, Index, Key
from rapyer.model.registry import registry
from rapyer.session.clients import ClientSource
from rapyer_nb.views import ModelView, Note, ResultList, Table
from rapyer_nb.views.brief import brief, brief_cell
from rapyer_nb.views.connection import Connection
from rapyer_nb.views.markup import element, joined

HOSTILE = '<img src=x onerror="alert(1)">&\x1b[31mred\x1b[0m\u202e\r\n'


class Address(BaseModel):
    city: str = "Paris"


class Visitor(AtomicRedisModel):
    id: Key[str]
    name: Index[str] = "Ada"
    age: int = 36
    tags: list[str] = []
    address: Address = Address()
    note: str | None = None


@pytest.fixture(autouse=True)
def _no_redis() -> None:
    def refuse() -> Any:
        raise AssertionError("a view has asked for a client")

    registry.bind(ClientSource.from_factory(refuse))


class Colour(Enum):
    RED = "red"


class Broken:
    def __repr__(self) -> str:
        raise OSError("no")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Ada", "'Ada'"),
        ("", "''"),
        ("a\nb", r"'a\nb'"),
        ("\x1b[31m", r"'\x1b[31m'"),
        ("\u202eabc", r"'\u202eabc'"),
        (b"ab\x00", r"b'ab\x00'"),
        (True, "True"),
        (None, "None"),
        (5, "5"),
        (1.5, "1.5"),
        pytest.param(1 << 50_000, "<huge integer>", id="huge"),
        (datetime(2026, 1, 2, tzinfo=timezone.utc), "2026-01-02T00:00:00+00:00"),
        (Colour.RED, "Colour.RED"),
        ([1, "a"], "[1, 'a']"),
        ((1,), "(1,)"),
        ((), "()"),
        (set(), "set()"),
        ({1}, "{1}"),
        (frozenset(), "frozenset()"),
        ({"a": [1]}, "{'a': [1]}"),
        ([[[[[[1]]]]]], "[[[[[…]]]]]"),
        (Address(), "Address(city='Paris')"),
        (SecretStr("hidden"), "SecretStr('**********')"),
        (Broken(), "<Broken, whose repr raises OSError>"),
        (float("nan"), "nan"),
    ],
)
def test_brief(value: object, shown: str) -> None:
    assert brief(value) == shown


def test_brief_clips_what_is_long() -> None:
    assert brief("x" * 10_000_000, 20) == "'" + "x" * 18 + "…"
    assert brief(list(range(1_000_000)), 20) == "[0, 1, 2, 3, 4, 5, …"
    assert brief({str(number): number for number in range(100_000)}, 20) == "{'0': 0, '1': 1, '2…"
    assert brief_cell("x" * 10_000_000, 5) == "xxxx…"


@given(
    st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(), st.lists)
)
def test_brief_is_always_one_printable_line_within_its_limit(value: object) -> None:
    for text in (brief(value, 30), brief_cell(value, 30)):
        assert len(text) <= 30
        assert text.isprintable()


def test_a_string_that_can_be_seen_has_no_quotes_in_a_cell() -> None:
    assert brief_cell("Ada") == "Ada"
    assert brief_cell(" ") == "' '"
    assert brief_cell("") == "''"


def test_markup_escapes_everything_but_markup() -> None:
    assert element("b", "<x>", class_='a"b') == '<b class="a&quot;b">&lt;x&gt;</b>'
    assert joined("<", element("i", "&")) == "&lt;<i>&amp;</i>"


def test_a_model_as_text() -> None:
    person = Visitor(id="1", tags=["a"], name="x" * 200)
    text = ModelView(person).text()
    assert text.startswith("Visitor(key='Visitor:1', id='1', name='xxx")
    assert text.endswith("…, age=36, tags=['a'], address=Address(city='Paris'), note=None)")
    assert len(text) < 300


def test_a_model_as_html() -> None:
    html = ModelView(Visitor(id="1")).html()
    assert "<caption>Visitor <code" in html
    assert "Visitor:1</code>" in html
    assert '<th scope="row">id <span class="rapyer-faint">key</span></th>' in html
    assert '<th scope="row">name <span class="rapyer-faint">indexed</span></th><td>Ada</td>' in html
    assert '<td class="rapyer-faint">None</td>' in html
    assert "<script" not in html


def test_hostile_values_are_harmless() -> None:
    person = Visitor(id=HOSTILE, name=HOSTILE, tags=[HOSTILE], note=HOSTILE)
    found = ResultList([person], total=1, model_name=HOSTILE)
    views = [ModelView(person), found.view(), Note(HOSTILE), Table(HOSTILE, [HOSTILE], [[HOSTILE]], HOSTILE)]
    for view in [*views, Connection(HOSTILE, HOSTILE, HOSTILE)]:
        html = view.html()
        assert "<img" not in html
        assert "&lt;img" in html
        body = html.partition("</style>")[2]
        assert body.isprintable()
        assert view.text().replace("\n", "").isprintable()
        assert view._repr_mimebundle_() == {"text/plain": view.text(), "text/html": html}


def test_an_unfinished_model_is_shown() -> None:
    view = ModelView(Visitor.model_construct(id="", name="x"))
    assert "name='x'" in view.text()
    assert "x</td>" in view.html()


def test_an_inner_model_is_shown_under_the_name_the_user_gave_it() -> None:
    address: Any = Visitor(id="1").address
    assert ModelView(address).text() == "Address(key='Visitor:1', city='Paris')"


def many(number: int, **options: Any) -> ResultList[Visitor]:
    people = [Visitor(id=str(position), age=position) for position in range(number)]
    return ResultList(people, model_name="Visitor", **options)


@pytest.mark.parametrize(
    ("found", "footer"),
    [
        (many(20, total=143, elapsed=0.0012), "20 of 143, 1.2 ms"),
        (many(50, total=1430, elapsed=0.0512), "50 of 1,430 (first 20 shown), 51 ms"),
        (many(0, total=143, elapsed=1.25), "0 of 143, 1.2 s"),
        (many(0, total=0, elapsed=0.0001), "no Visitor matches, 0.1 ms"),
        (
            many(1, total=2, skipped=("a",)),
            "1 of 2, 1 document skipped as gone or corrupt (.skipped), 0.0 ms",
        ),
        (
            many(1, total=3, skipped=("a", "b")),
            "1 of 3, 2 documents skipped as gone or corrupt (.skipped), 0.0 ms",
        ),
    ],
)
def test_the_footer_of_a_result(found: ResultList[Visitor], footer: str) -> None:
    assert found.view().text().splitlines()[-1] == footer
    assert footer in found.view().html()


def test_a_result_as_text() -> None:
    found = ResultList(
        [Visitor(id="1"), Visitor(id="2", name="日本", note="x" * 99)], total=2, model_name="Visitor"
    )
    assert found.view().text() == (
        "key        id  name  age  tags  address                note\n"
        "Visitor:1  1   Ada   36   []    Address(city='Paris')  None\n"
        "Visitor:2  2   日本  36   []    Address(city='Paris')  " + "x" * 47 + "…\n"
        "2 of 2, 0.0 ms"
    )


def test_a_result_as_html() -> None:
    html = many(30, total=143).view().html()
    assert html.count("<tr>") == 21
    assert "<caption>Visitor</caption>" in html
    assert '<th scope="col">age</th>' in html


def test_columns_that_do_not_fit_into_a_line_are_counted() -> None:
    found = ResultList([{f"column{number}": "x" * 30 for number in range(10)}], total=1, model_name="Visitor")
    head = found.view().text().splitlines()[0]
    assert head.endswith("…  +7 columns") or head.endswith("… +7 columns")
    assert "column9" in found.view().html()


def test_a_result_is_an_ordinary_list() -> None:
    found = many(3, total=3)
    assert found == list(found)
    assert isinstance(found[:2], list)
    assert copy.copy(found).total == 3
    assert [person.age for person in reversed(found)] == [2, 1, 0]
    restored = pickle.loads(pickle.dumps(ResultList([1, 2], total=5)))
    assert (restored, restored.total) == ([1, 2], 5)


def test_a_quiet_result_shows_the_numbers_only() -> None:
    assert many(30, total=143, quiet=True).view().text() == "30 of 143, 0.0 ms"


def test_a_result_in_a_terminal_is_a_table_and_inside_of_another_value_a_list() -> None:
    found = ResultList([{"a": 1}], total=1)
    assert pretty(found) == "a\n1\n1 of 1, 0.0 ms"
    assert pretty({"found": found}) == "{'found': [{'a': 1}]}"


def test_a_connection() -> None:
    shown = Connection("redis://:***@h:1/0", "REDIS_URL", "8.2.3", ("Search",))
    assert repr(shown) == "redis://:***@h:1/0 · Redis 8.2.3 · ⚠ without Search · from REDIS_URL"
    assert "<code>redis://:***@h:1/0</code>" in shown.html()

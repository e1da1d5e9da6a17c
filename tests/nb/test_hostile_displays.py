"""Whatever stands in Redis, no display of a magic runs it, recolours a terminal or grows without bounds."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import ipywidgets
import pytest

from rapyer_nb.magics import MAGICS
from rapyer_nb.views import View
from tests.nb.notebook import Notebook, Shown, open_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

NASTY = '<img src=x onerror="alert(1)"></td></style><script>alert(2)</script>\x1b[31m\x1b]0;x\x07\u202e\r\n'
MOST_TEXT = 30_000
MOST_HTML = 120_000
_PROGRESS = re.compile(r"\r(finding|reading|looking|measuring|snapshot|restoring|indexes)[^\r\n]*|\r +\r")
SECONDS = 60
"""No display takes this long, however large the value, and however busy the machine."""

SETUP = f"""
import asyncio
from typing import Any
from pydantic import ConfigDict, Field
from rapyer import AtomicRedisModel, Index
from rapyer.fields import Key
from rapyer.types import RedisPriorityQueue, RedisSet, Reference

NASTY = {NASTY!r}

class Friend(AtomicRedisModel):
    name: str = ""

class Odd(AtomicRedisModel):
    friend: Reference[Friend] | None = None
    model_config = ConfigDict(extra="allow")
    id: Key[str] = ""
    name: Index[str] = ""
    about: str = Field(default=NASTY + "\\0", title=NASTY, description=NASTY)
    words: Index[list[str]] = []
    table: dict[str, str] = {{}}
    anything: Any = None
    marks: RedisSet[str] = Field(default_factory=RedisSet)
    jobs: RedisPriorityQueue[str] = RedisPriorityQueue()

class Huge(AtomicRedisModel):
    id: Key[str] = ""
    size: Index[int] = 0
    text: str = ""
    numbers: list[int] = []
    fields: dict[str, int] = {{}}

odd = await Odd(
    id=NASTY, name=NASTY, words=[NASTY] * 3, table={{NASTY: NASTY}}, anything={{NASTY: [NASTY]}}, marks={{NASTY}},
    **{{NASTY: NASTY, "<u>": NASTY}},
).asave()
await odd.jobs.apush(NASTY, 1)
huge = await Huge(
    id="h" * 5000, size=1, text="<i>" * 3_500_000, numbers=range(1_000_000),
    fields={{f"<u>{{n}}": n for n in range(100_000)}},
).asave()
bad = NASTY

async def changing(model, change):
    for number in range(100):  # the first time may come before somebody listens
        await asyncio.sleep(0.5)
        change(model, number)
        await model.asave()

%rapyer_snapshot shot Odd Huge
"""

SEEN = "_ = task.cancel()\nassert len(seen), 'no change was seen'\nseen"


@dataclass(frozen=True)
class Case:
    """Something that is shown.

    Args:
        name: The magic.
        cell: The cell; the value of its last line is shown.
        fails: Whether it is an error that is shown.
    """

    name: str
    cell: str
    fails: bool = False


def line(name: str, *lines: str, fails: bool = False) -> list[Case]:
    """Return cases of a line magic."""
    return [Case(f"rapyer_{name}", f"%rapyer_{name} {one}".rstrip(), fails) for one in lines]


CASES = [
    *line("connect", "", "--list"),
    *line("connect", "$bad", fails=True),
    *line("find", "Odd", "Huge", "Odd --fields name,table,words", "Huge --fields text,fields", "Odd --quiet"),
    *line("find", *(f"{model} --as {form}" for model in ("Odd", "Huge") for form in ("table", "dict"))),
    *line("find", "Odd --live", "Huge --live", "Odd name == $bad --explain"),
    *line("find", "Odd name == {huge.text}"),
    *line("find", "Odd age == $bad", "Odd words == {odd.nothing}", fails=True),
    *line("explain", "Odd name == $bad", "Odd $bad in words"),
    *line("plot", "Odd name", "Odd about --by name", "Huge size"),
    Case("rapyer_pipeline", "%%rapyer_pipeline odd --dry-run\nodd.name = bad * 2\nodd.about = bad"),
    Case("rapyer_pipeline", "%%rapyer_pipeline huge --dry-run\nhuge.text = bad * 200_000\nhuge.numbers = []"),
    Case("rapyer_pipeline", "%%rapyer_pipeline odd\nawait odd.words.aappend(bad)\nodd"),
    Case("rapyer_lock", "%%rapyer_lock odd --save\nodd.name = bad\nodd"),
    Case("rapyer_lock", "%%rapyer_lock huge --quiet\nhuge"),
    *line("get", "odd", "huge"),
    *line("get", "$bad", "Odd $nothing", "{bad + 'x'}", fails=True),
    *line("save", "odd huge"),
    *line("delete", "odd huge --dry-run", "Odd --where name == $bad --dry-run"),
    Case("rapyer_delete", "gone = await Odd(id=bad + bad).asave()\ngone = %rapyer_delete gone --yes\ngone"),
    *line("ttl", "odd", "odd 3600", "huge"),
    *line("edit", "odd", "huge"),
    *line("new", "Odd", "Huge"),
    *line("browse", ""),
    *line("models", "Odd Huge"),
    *line("schema", "Odd", "Huge"),
    *line("keys", "", "Odd", "$bad"),
    *line("info", ""),
    *line("memory", "", "Odd Huge"),
    *line("doctor", "", "Odd Huge"),
    *line("index", "plan Odd", "apply Odd Huge", "plan Odd Huge"),
    Case(
        "rapyer_watch",
        "task = asyncio.ensure_future(changing(odd, lambda one, n: one.table.update({bad: bad * (n + 2)})))\n"
        f"seen = %rapyer_watch Odd --seconds 3\n{SEEN}",
    ),
    Case(
        "rapyer_watch",
        "task = asyncio.ensure_future(changing(huge, lambda one, n: one.numbers.pop()))\n"
        f"seen = %rapyer_watch huge --seconds 5\n{SEEN}",
    ),
    Case(
        "rapyer_watch",
        "import rapyer_nb\nshown = rapyer_nb.timeline(Odd)\n"
        "task = asyncio.ensure_future(changing(odd, lambda one, n: setattr(one, 'about', bad * (n + 2))))\n"
        "while not shown.journal.moments(1).moments: await asyncio.sleep(0.05)\n_ = task.cancel()\nshown",
    ),
    Case("rapyer_trace", "%%rapyer_trace\nawait odd.asave()\nawait Odd.aget(odd.key)"),
    Case("rapyer_trace", "%%rapyer_trace\nawait huge.asave()"),
    *line("snapshot", "shot Odd Huge --replace", ""),
    Case(
        "rapyer_diff",
        "odd.table[bad * 2] = bad\nodd.name = bad * 3\nhuge.text = bad\nhuge.numbers = []\nhuge.fields = {}\n"
        "await odd.asave()\nawait huge.asave()\nseen = %rapyer_diff shot\nseen",
    ),
    *line("restore", "shot --dry-run", "shot --yes"),
    *line("diff", "$bad", fails=True),
    Case(
        "rapyer_race", "%%rapyer_race n=2\nodd.words.append(bad)\nodd.table[bad * 2] = bad\nawait odd.asave()"
    ),
    Case("rapyer_help", "%rapyer_help"),
    Case("rapyer_help", "%rapyer_help find"),
    *line("help", "$bad", fails=True),
]


@pytest.fixture(scope="module")
def notebook(rapyer_redis_url: str) -> Iterator[Notebook]:
    with pytest.MonkeyPatch.context() as patch, open_notebook(rapyer_redis_url, patch, SETUP) as opened:
        yield opened


@pytest.fixture(scope="module")
def shown_views() -> Iterator[set[type]]:
    """The kinds of views that were shown."""
    seen: set[type] = set()
    with pytest.MonkeyPatch.context() as patch:
        for kind in views(View):
            for name in {"text", "body"} & {*vars(kind)}:
                patch.setattr(kind, name, _noting(getattr(kind, name), seen))
        yield seen


def _noting(method: Any, seen: set[type]) -> Any:
    def noted(self: View) -> Any:
        seen.add(type(self))
        return method(self)

    return noted


def views(kind: type[View]) -> Iterator[type[View]]:
    """Yield all kinds of views."""
    for one in kind.__subclasses__():
        yield one
        yield from views(one)


def check(text: str, html: str) -> None:
    """Fail where something of what is in Redis would run, recolour, or flood."""
    assert len(text) < MOST_TEXT, f"{len(text):,} characters of text: {text[:200]!r}"
    assert len(html) < MOST_HTML, f"{len(html):,} characters of HTML: {html[:200]!r}"
    assert not re.search(r"<(img|script|i|u)\b", html), "a tag out of Redis"
    assert html.count("</style>") == html.count("<style>")
    for character in "\x1b\x07\u202e\x00\r":
        assert character not in text, f"{character!r} in the text"
        assert character not in html, f"{character!r} in the HTML"


def tree(value: Any) -> Iterator[ipywidgets.Widget]:
    """Yield a widget and those below it."""
    yield value
    for child in getattr(value, "children", ()):
        yield from tree(child)


def parts(value: Any) -> Iterator[str]:
    """Yield the HTML in a widget and below it."""
    yield from (one.value for one in tree(value) if isinstance(one, ipywidgets.HTML))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.cell.replace("\n", "; ")[:60])
def test_a_display(notebook: Notebook, shown_views: set[type], case: Case) -> None:
    started = time.monotonic()
    shown: Shown = notebook.cell(case.cell)
    text = _PROGRESS.sub("", shown.text)
    assert time.monotonic() - started < SECONDS
    assert (shown.error is not None) == case.fails, shown.text
    assert text
    check(text, shown.html)
    if isinstance(shown.value, ipywidgets.Widget):
        check("", "\n".join(parts(shown.value)))
        assert sum(len(str(one.get_state())) for one in tree(shown.value)) < 10 * MOST_HTML
        shown.value.close()


FORMS = {
    "Huge(id='wide', text='x' * 100_001, fields={str(n): n for n in range(201)})": (
        "100,001 characters are too many for a form; change them in a cell",
        "1–20 of 201",
    ),
    "Huge(id='long', text='y' * 10_000_000, numbers=range(1_000_000), fields={'k' * 100_001: 1})": (
        "10,000,000 characters are too many for a form",
        "1–20 of 1,000,000",
        "1 of 1</span>",
    ),
}


@pytest.mark.parametrize("model", FORMS, ids=lambda model: model[9:13])
def test_a_form_says_how_much_there_is(notebook: Notebook, model: str) -> None:
    notebook.shell.user_ns.update(parts=parts, words=FORMS[model])
    notebook.run(f"stored = await {model}.asave()\nform = %rapyer_edit stored")
    notebook.run(
        "for _ in range(1000):\n"
        "    html = '\\n'.join(parts(form))\n"
        "    if all(one in html for one in words): break\n"
        "    await asyncio.sleep(0.01)"
    )
    for words in FORMS[model]:
        assert words in notebook["html"]
    check("", notebook["html"])
    assert sum(len(str(one.get_state())) for one in tree(notebook["form"])) < 10 * MOST_HTML
    notebook.run("form.close()")


def test_every_magic_is_among_the_cases() -> None:
    assert {case.name for case in CASES} == {kind.name for kind in MAGICS}


@pytest.mark.timeout(600)  # another process may have had most of the other tests
def test_every_kind_of_view_was_shown(notebook: Notebook, shown_views: set[type]) -> None:
    concrete = {kind for kind in views(View) if not getattr(kind, "__abstractmethods__", None)}
    for case in sorted(CASES, key=lambda case: "uge" in case.cell):
        if not concrete - shown_views:
            break
        shown = notebook.cell(case.cell)
        if isinstance(shown.value, ipywidgets.Widget):
            shown.value.close()
    assert {kind.__name__ for kind in concrete - shown_views} == set()

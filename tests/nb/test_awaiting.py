"""Which magics become awaits, and which are left to the bridge."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import pytest

from rapyer_nb.awaiting import MagicAwaiter
from tests.nb.notebook import Notebook, bare_notebook

if TYPE_CHECKING:
    from collections.abc import Iterator

CALL = "get_ipython().run_line_magic('rapyer_find', 'User')"
AWAIT = "(await get_ipython().rapyer.line_magic('rapyer_find', 'User'))"


@pytest.fixture
def bare() -> Iterator[Notebook]:
    with bare_notebook() as notebook:
        yield notebook


@pytest.fixture
def awaiter(bare: Notebook) -> MagicAwaiter:
    return MagicAwaiter(bare.shell, {"rapyer_find": "line", "rapyer_pipeline": "cell"})


@pytest.mark.parametrize(
    "source",
    [
        "CALL",
        "x = CALL",
        "x: list = CALL",
        "print(CALL, CALL)",
        "if CALL:\n    x = CALL\nelse:\n    y = CALL",
        "for user in CALL:\n    x = CALL",
        "while CALL:\n    break",
        "with open(CALL) as f:\n    x = CALL",
        "try:\n    x = CALL\nexcept CALL:\n    y = CALL\nfinally:\n    z = CALL",
        "match CALL:\n    case _:\n        x = CALL",
        "async def f():\n    return CALL",
        "async def f():\n    async with g() as x:\n        return [CALL for _ in x]",
        "def f(x=CALL, *, y=CALL):\n    pass",
        "@decorate(CALL)\ndef f():\n    pass",
        "class A(base(CALL), metaclass=m(CALL)):\n    pass",
        "f = lambda x=CALL: x",
        "xs = [CALL for _ in CALL if CALL]",
        "xs = {CALL for _ in range(3)}",
        "xs = {CALL: CALL for _ in range(3)}",
        "xs = list(x for x in CALL)",
        "x = (y := CALL)",
        "x = CALL.total",
        "x = CALL[0] if CALL else None",
        "é = 'äöü'; x = CALL  # ö",
        "x = '\U0001f600' + str(CALL)",
        "# -*- coding: latin-1 -*-\nx = 'ü', CALL",
    ],
)
def test_calls_where_an_await_may_stand_are_awaited(awaiter: MagicAwaiter, source: str) -> None:
    assert awaiter.rewrite(source.replace("CALL", CALL)) == source.replace("CALL", AWAIT)


@pytest.mark.parametrize(
    "source",
    [
        "def f():\n    return CALL",
        "f = lambda: CALL",
        "class A:\n    x = CALL",
        "class A:\n    def f(self):\n        return CALL",
        "async def f():\n    def g():\n        return CALL",
        "xs = (CALL for _ in range(3))",
        "f = lambda: [CALL for _ in range(3)]",
        "x: CALL = 1",
        "def f(x: CALL) -> CALL:\n    pass",
        "x = f'{CALL}'",
        "x = 'CALL'",
        "# CALL",
    ],
)
def test_calls_where_no_await_may_stand_are_left_alone(awaiter: MagicAwaiter, source: str) -> None:
    assert awaiter.rewrite(source.replace("CALL", CALL)) == source.replace("CALL", CALL)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("def f():\n    return CALL\nx = CALL", "def f():\n    return CALL\nx = AWAIT"),
        ("xs = (CALL for _ in CALL)", "xs = (CALL for _ in AWAIT)"),
        ("xs = [[CALL for _ in CALL] for _ in CALL]", "xs = [[CALL for _ in AWAIT] for _ in AWAIT]"),
        (
            "async def f():\n    g = lambda: CALL\n    return CALL",
            "async def f():\n    g = lambda: CALL\n    return AWAIT",
        ),
    ],
)
def test_both_in_one_cell(awaiter: MagicAwaiter, source: str, expected: str) -> None:
    rewritten = awaiter.rewrite(source.replace("CALL", CALL))
    assert rewritten == expected.replace("CALL", CALL).replace("AWAIT", AWAIT)


def test_lines_may_end_in_any_way(awaiter: MagicAwaiter) -> None:
    assert awaiter.rewrite(f"x = 'ä'\r\ny = {CALL}\r\n") == f"x = 'ä'\r\ny = {AWAIT}\r\n"
    assert awaiter.rewrite(f"x = 'a\x0cb'\ny = {CALL}\n") == f"x = 'a\x0cb'\ny = {AWAIT}\n"


def test_a_call_over_several_lines_is_awaited(awaiter: MagicAwaiter) -> None:
    call = "get_ipython(\n).run_line_magic(\n    'rapyer_find',\n    'run_line_magic(')"
    assert awaiter.rewrite(f"x = {call}") == (
        "x = (await get_ipython(\n).rapyer.line_magic(\n    'rapyer_find',\n    'run_line_magic('))"
    )


def test_cell_magics_are_awaited(awaiter: MagicAwaiter) -> None:
    source = "get_ipython().run_cell_magic('rapyer_pipeline', 'user', 'x = 1\\n')\n"
    expected = "(await get_ipython().rapyer.cell_magic('rapyer_pipeline', 'user', 'x = 1\\n'))\n"
    assert awaiter.rewrite(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "x = = rapyer_find " + CALL,
        "return " + CALL,
        "x = '\ud800' + " + CALL,
        "(" * 3000 + CALL,
        "rapyer_find\0" + CALL,
        "get_ipython().run_line_magic('other', 'rapyer_find')",
        "other().run_line_magic('rapyer_find', 'User')",
        "get_ipython().run_line_magic(rapyer_find, 'User')",
        "get_ipython().run_line_magic()  # rapyer_find",
        AWAIT,
    ],
)
def test_what_is_not_ours_or_does_not_compile_is_untouched(awaiter: MagicAwaiter, source: str) -> None:
    assert awaiter.rewrite(source) == source


def test_cells_without_our_magics_are_handed_on_as_they_are(awaiter: MagicAwaiter) -> None:
    lines = ["x = 1\n", "%time x\n"]
    assert awaiter(lines) is lines


def test_warnings_of_the_users_code_are_not_given_twice(
    awaiter: MagicAwaiter, recwarn: pytest.WarningsRecorder
) -> None:
    awaiter.rewrite(f"x = '\\d', 1 is 1, {CALL}")
    assert not recwarn.list


@pytest.mark.parametrize("setting", ["%autoawait False", "get_ipython().loop_runner = lambda coro: coro"])
def test_without_autoawait_on_asyncio_nothing_is_awaited(notebook: Notebook, setting: str) -> None:
    notebook.run(setting)
    assert "await" not in notebook.shell.transform_cell("x = %rapyer_find User")
    assert "await" not in notebook.shell.transform_cell("%rapyer_find User")


PLACES = {
    "statement": "%rapyer_find User",
    "assignment": "result = %rapyer_find User",
    "two in a cell": "first = %rapyer_find User\nresult = %rapyer_find User",
    "if": "if True:\n    result = %rapyer_find User",
    "for": "for _ in range(2):\n    result = %rapyer_find User",
    "with": "import contextlib\nwith contextlib.nullcontext():\n    result = %rapyer_find User",
    "async def": "async def f():\n    result = %rapyer_find User\n    return result\nresult = await f()",
    "def": "def f():\n    result = %rapyer_find User\n    return result\nresult = f()",
    "method": "class A:\n    def f(self):\n        r = %rapyer_find User\n        return r\nresult = A().f()",
    "class body": "class A:\n    r = %rapyer_find User\nresult = A.r",
    "list comprehension": "result = [get_ipython().run_line_magic('rapyer_find', 'User') for _ in range(2)][1]",
    "generator": "result = list(get_ipython().run_line_magic('rapyer_find', 'User') for _ in range(2))[1]",
    "lambda": "result = (lambda: get_ipython().run_line_magic('rapyer_find', 'User'))()",
    "by hand": "ip = get_ipython()\nresult = ip.run_line_magic('rapyer_find', 'User')",
    "%time": "%time result = %rapyer_find User",
    "%%time": "%%time\nresult = %rapyer_find User",
    "%%capture": "%%capture shown\nresult = %rapyer_find User",
    "%timeit": "%timeit -n1 -r1 get_ipython().run_line_magic('rapyer_find', 'User')",
    "%%timeit": "%%timeit -n1 -r1\nresult = %rapyer_find User",
    "%prun": "%prun -q result = get_ipython().run_line_magic('rapyer_find', 'User')",
    "run_cell": "get_ipython().run_cell('result = %rapyer_find User').raise_error()",
    "exec": 'exec(\'result = get_ipython().run_line_magic("rapyer_find", "User")\')',
}
WITHOUT_RESULT = {"statement", "%timeit", "%%timeit", "%prun"}


@pytest.mark.parametrize("place", PLACES)
def test_the_magic_works_everywhere(notebook: Notebook, place: str) -> None:
    shown = notebook.cell(PLACES[place])
    assert shown.error is None, shown.text
    if place not in WITHOUT_RESULT:
        assert sorted(user.name for user in notebook["result"]) == ["Ada", "Bob"]
        assert notebook["result"].total == 2


def test_nested_runs_do_not_disturb_the_cells_after_them(notebook: Notebook) -> None:
    notebook.cell("%time 1/0")
    notebook.cell("%%capture\n1/0")
    notebook.cell("raise KeyboardInterrupt")
    notebook.cell("%time raise KeyboardInterrupt")
    assert "await" in notebook.shell.transform_cell("result = %rapyer_find User")
    assert notebook.run("result = %rapyer_find User\nresult.total") == 2


def test_a_silent_cell_tells_nested_runs_too(notebook: Notebook) -> None:
    # pre_run_cell and post_run_cell do not fire for silent cells.
    notebook.shell.run_cell("%time result = %rapyer_find User", silent=True).raise_error()
    assert notebook["result"].total == 2


def test_a_cell_with_an_await_of_its_own_and_a_bridged_call(notebook: Notebook) -> None:
    notebook.run("%config RapyerMagics.bridge = 'thread'")
    notebook.run(
        textwrap.dedent(
            """
            import asyncio
            def counted():
                users = %rapyer_find User
                return users.total
            await asyncio.sleep(0)
            first = %rapyer_find User
            numbers = first.total, counted()
            """
        )
    )
    assert notebook["numbers"] == (2, 2)


def test_a_semicolon_silences_a_magic(awaiter: MagicAwaiter) -> None:
    call = "get_ipython().run_line_magic('rapyer_find', 'User;')"
    awaited = "(await get_ipython().rapyer.line_magic('rapyer_find', 'User;'))"
    assert awaiter.rewrite(f"{call}\n") == f"{awaited};\n"
    assert awaiter.rewrite(f"x = {call}\nprint({call})\n") == f"x = {awaited}\nprint({awaited})\n"


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%%rapyer_save bob\nbob.age = 1234", "Cell magic `%%rapyer_save` not found"),
        ("%%rapyer_find User\nage > 3", "Cell magic `%%rapyer_find` not found"),
        ("%%rapyer_delete ada --yes\nbob", "Cell magic `%%rapyer_delete` not found"),
        ("%rapyer_lock ada", "Line magic function `%rapyer_lock` not found"),
        ("%rapyer_pipeline ada", "Line magic function `%rapyer_pipeline` not found"),
        ("seen = %rapyer_trace", "Line magic function `%rapyer_trace` not found"),
    ],
)
def test_a_magic_of_the_other_kind_does_nothing(notebook: Notebook, cell: str, message: str) -> None:
    shown = notebook.cell(f"{cell}\nawait asyncio.sleep(0)" if "\n" not in cell else cell)
    assert message in shown.text
    assert "did you mean that instead?" in shown.text
    assert len(shown.text.strip().splitlines()) == 1
    assert notebook.run("[user.age for user in await User.afind()]").count(36) == 1


def test_the_kinds_are_kept_apart(awaiter: MagicAwaiter) -> None:
    for source in (
        "x = get_ipython().run_cell_magic('rapyer_find', 'User', 'age > 3')",
        "x = get_ipython().run_line_magic('rapyer_pipeline', '')",
    ):
        assert awaiter.rewrite(source) == source

"""`%%rapyer_lock` as a user sees it, and `rapyer_nb.lock`."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
import redis

import rapyer_nb
from rapyer import AtomicRedisModel, apipeline
from rapyer.errors import LockError, LockTimeoutError
from rapyer_nb.errors import NotebookError
from tests.nb.queued_cells import report, run_queued

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource
    from rapyer_nb.server import EmbeddedServer
    from tests.nb.notebook import Notebook


class LockedBox(AtomicRedisModel):
    name: str = ""
    number: int = 0


HELD = "from rapyer.errors import LockTimeoutError\nasync def held(key):\n    try:\n        async with User.alock_from_key(key, wait=0):\n            return False\n    except LockTimeoutError:\n        return True\n"


def test_the_body_runs_under_the_lock_with_the_model_as_it_is(
    notebook: Notebook, server: redis.Redis
) -> None:
    key = notebook["ada"].key
    notebook.run(f"import asyncio\n{HELD}")
    server.json().set(key, "$.age", 50)
    # Another task is another holder: a task that asks again for its own lock would be told that.
    shown = notebook.cell(
        "%%rapyer_lock ada\nis_held = await asyncio.create_task(held(ada.key))\nada.age += 1\nawait ada.asave()\nada.age"
    )
    assert shown.value == 51
    assert re.search(rf"^{key} was locked for \d+(\.\d)? ms$", shown.text, re.MULTILINE)
    assert notebook["is_held"] is True
    assert server.json().get(key, "$.age") == [51]
    assert notebook.run("await held(ada.key)") is False


def test_a_key_a_variable_for_it_and_saving(notebook: Notebook, server: redis.Redis) -> None:
    key = notebook["ada"].key
    shown = notebook.cell(
        f"%%rapyer_lock {key} --as user --save --timeout 5\nuser.age = 77\nuser.tags.append('x')"
    )
    assert shown.error is None, shown.text
    assert f"{key} was locked for " in shown.text
    assert "what the body changed was saved" in shown.text
    assert notebook["user"] is not notebook["ada"]
    assert server.json().get(key, "$")[0] | {"name": "Ada"} == {
        "name": "Ada", "age": 77, "status": "active", "tags": ["x"]
    }  # fmt: skip
    notebook.run("number = ada.pk")
    assert notebook.cell("%%rapyer_lock User $number --as user --quiet\nuser.age").value == 77
    assert notebook.cell("%%rapyer_lock ada --quiet\nx = 1").text == ""


def test_what_fails_saves_nothing_and_releases(notebook: Notebook, server: redis.Redis) -> None:
    key = notebook["ada"].key
    notebook.run(HELD)
    shown = notebook.cell("%%rapyer_lock ada --save\n\nada.age = 99\n1/0")
    assert isinstance(shown.error, ZeroDivisionError)
    assert f"✕ {key} is released, and nothing was saved" in shown.text
    number = notebook.shell.execution_count - 1
    assert re.search(rf"Cell In\[{number}\], line 4\b.*----> 4 1/0", shown.text, re.DOTALL)
    assert "rapyer_nb/" not in shown.text
    assert server.json().get(key, "$.age") == [36]
    assert notebook.run("await held(ada.key)") is False


def test_where_nothing_is_stored(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_lock User:new --as user --save\nuser is None")
    assert shown.value is True
    assert "User:new was locked for " in shown.text
    assert "; nothing was stored there" in shown.text
    notebook.run("eve = User(name='Eve')")
    text = notebook.cell("%%rapyer_lock eve\n1").text.strip()
    assert text.startswith("KeyNotFound: no User is stored under ")
    assert "\n" not in text


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("adda", "NotebookError: 'adda' is neither a key nor a variable; did you mean 'ada'?"),
        ("ada bob", "NotebookError: %%rapyer_lock takes one object, not 2; name one key or one model"),
        (
            "ada --timeout soon",
            "NotebookError: %%rapyer_lock: argument --timeout: a number of seconds is needed, not 'soon'; "
            "%%rapyer_lock? shows the help",
        ),
        (
            "ada --as 1x",
            "NotebookError: %%rapyer_lock: argument --as: the name of a variable is needed, not '1x';",
        ),
        ("ada --time 3", "NotebookError: %%rapyer_lock: unknown option '--time'; did you mean '--timeout'?"),
        ("Usr:1", "RapyerModelDoesntExistError: no model class has keys that start with Usr:"),
    ],
)
def test_mistakes_in_the_line_are_one_line(notebook: Notebook, line: str, message: str) -> None:
    text = notebook.cell(f"%%rapyer_lock {line}\nx = 1").text.strip()
    assert text.startswith(message)
    assert "\n" not in text
    assert "x" not in notebook.shell.user_ns


def test_who_waits_in_vain_is_told_in_one_line(notebook: Notebook) -> None:
    notebook.run("import asyncio")
    shown = notebook.cell(
        "async with bob.alock():\n    await asyncio.create_task("
        "get_ipython().rapyer.cell_magic('rapyer_lock', 'bob --timeout 0', 'y = 1'))"
    )
    assert isinstance(shown.error, LockTimeoutError)
    assert notebook["bob"].key in str(shown.error)
    assert "y" not in notebook.shell.user_ns


def test_inside_a_pipeline_it_is_refused(notebook: Notebook) -> None:
    shown = notebook.cell(
        "import rapyer\nasync with rapyer.apipeline():\n    await get_ipython().rapyer.cell_magic('rapyer_lock', 'bob', '1')"
    )
    assert isinstance(shown.error, LockError)
    assert not isinstance(shown.error, LockTimeoutError)


def test_a_syntax_error_takes_no_lock(notebook: Notebook, server: redis.Redis) -> None:
    server.config_resetstat()
    shown = notebook.cell("%%rapyer_lock ada\nx = = 1")
    assert "SyntaxError: invalid syntax" in shown.text
    assert "cmdstat_evalsha" not in server.info("commandstats")


async def test_an_interrupt_releases_it(source: ClientSource) -> None:
    box = await LockedBox().asave()
    inside = asyncio.Event()

    async def hold() -> None:
        async with rapyer_nb.lock(box, save_at_end=True) as held:
            assert held is box
            box.number = 5
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.ensure_future(hold())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with rapyer_nb.lock(box.key, wait=0) as free:
        assert isinstance(free, LockedBox)
        assert free.number == 0
        with pytest.raises(LockTimeoutError):
            await asyncio.create_task(_enter(rapyer_nb.lock(box.key, wait=0)))
        async with rapyer_nb.lock(box.key, wait=0, action="other"):
            pass
    with pytest.raises(NotebookError, match="neither a key nor a model"):
        rapyer_nb.lock(4)  # type: ignore[arg-type]
    async with apipeline():
        with pytest.raises(LockError):
            await _enter(rapyer_nb.lock(box))


async def _enter(lock: object) -> None:
    async with lock:  # type: ignore[attr-defined]
        pass


def test_another_connection(notebook: Notebook, second: EmbeddedServer) -> None:
    notebook.shell.user_ns["url"] = second.url
    notebook.run("%rapyer_connect $url --alias other\n%rapyer_connect default")
    notebook.run("far = User(name='Far')\n%rapyer_save far --alias other")
    key = notebook["far"].key
    notebook.run(f"%%rapyer_lock {key} --as user --save --alias other\nuser.age = 9")
    with redis.Redis.from_url(second.url, decode_responses=True) as client:
        assert client.json().get(key, "$.age") == [9]


CONTEXTS = (
    "%%rapyer_lock ada --save\nada.age += 1",
    "%%time\n%%rapyer_lock ada --save\nada.age += 1",
    "%%capture out\n%%rapyer_lock ada --save\nada.age += 1",
    "def f():\n    get_ipython().run_cell_magic('rapyer_lock', 'ada --save', 'ada.age += 1')\nf()",
    "if True:\n    await get_ipython().rapyer.cell_magic('rapyer_lock', 'ada --save', 'ada.age += 1')",
)


def test_in_every_context_of_a_shell(notebook: Notebook, server: redis.Redis) -> None:
    for number, source in enumerate(CONTEXTS, 1):
        notebook.run(source)
        assert server.json().get(notebook["ada"].key, "$.age") == [36 + number], source


def test_with_all_cells_queued(rapyer_redis_url: str) -> None:
    runs = run_queued(
        [
            f"import os\nos.environ['RAPYER_REDIS_URL'] = {rapyer_redis_url!r}\n%load_ext rapyer_nb",
            "from rapyer import AtomicRedisModel\nclass User(AtomicRedisModel):\n    age: int = 0\n"
            "ada = await User().asave()",
            *CONTEXTS,
            f"assert (await User.aget(ada.key)).age == {len(CONTEXTS)}",
        ]
    )
    assert all(run.ok for run in runs), report(runs)

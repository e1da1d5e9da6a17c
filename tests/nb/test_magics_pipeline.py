"""`%%rapyer_pipeline` as a user sees it."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

import pytest
import redis
from pydantic import Field

import rapyer_nb
from rapyer import AtomicRedisModel, apipeline
from rapyer.config import RedisConfig
from rapyer.errors import TransactionError
from rapyer.types import RedisPriorityQueue, RedisSet
from rapyer_nb.errors import NotebookError
from tests.nb.queued_cells import report, run_queued

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource
    from rapyer_nb.server import EmbeddedServer
    from tests.nb.notebook import Notebook

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"


class PipeHome(AtomicRedisModel):
    city: str = "Paris"


class PipeUser(AtomicRedisModel):
    Meta = RedisConfig(ttl=500, refresh_ttl=True)
    name: str = ""
    age: int = 0
    home: PipeHome = Field(default_factory=PipeHome)
    marks: list[int] = []
    tags: RedisSet[str] = Field(default_factory=RedisSet)
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)


def stored(notebook: Notebook, name: str) -> object:
    return notebook.run(f"(await User.aget({name}.key)).model_dump()")


def test_the_body_is_one_transaction(notebook: Notebook, server: redis.Redis) -> None:
    server.config_resetstat()
    shown = notebook.cell(
        "%%rapyer_pipeline ada bob\nada.age += 1\nbob.age += 1\nawait bob.tags.aappend('x')\nbob.name = 'B'"
    )
    assert re.fullmatch(r"\s*4 commands, 1 round trip, [\d.]+ m?s\s*", shown.text)
    calls = server.info("commandstats")
    assert calls["cmdstat_exec"]["calls"] == 1
    assert stored(notebook, "ada")["age"] == 37  # type: ignore[index]
    assert stored(notebook, "bob") == {"name": "B", "age": 13, "status": "new", "tags": ["x"]}


def test_models_are_read_anew_first(notebook: Notebook, server: redis.Redis) -> None:
    server.json().set(notebook["ada"].key, "$.age", 50)
    notebook.run("%%rapyer_pipeline ada\nada.age += 1")
    assert server.json().get(notebook["ada"].key, "$.age") == [51]


def test_await_assignments_and_the_last_expression(notebook: Notebook) -> None:
    shown = notebook.cell(
        "%%rapyer_pipeline --quiet\nimport asyncio\nawait asyncio.sleep(0)\ntwice = [await asyncio.sleep(0, n) for n in (1, 2)]\ntwice"
    )
    assert shown.value == [1, 2]
    assert notebook["twice"] == [1, 2]
    assert notebook.run("_") == [1, 2]
    assert notebook.cell("%%rapyer_pipeline --quiet\ntwice;").text == ""
    assert notebook.cell("%%rapyer_pipeline --quiet\nx = 1").text == ""


def test_other_magics_work_in_the_body(notebook: Notebook) -> None:
    notebook.run(
        "%%rapyer_pipeline\nusers = %rapyer_find User age > 0\nfor user in users:\n    user.status = 'seen'\n"
        "%time pass\ndef f():\n    found = %rapyer_find User age > 20\n    return found\ncount = len(f())"
    )
    assert notebook["count"] == 1
    assert notebook.run("%rapyer_find User status == 'seen' --count") == 2


def test_lists_of_models_and_parts_of_variables_can_be_named(notebook: Notebook) -> None:
    notebook.run("users = %rapyer_find User\nteam = {'lead': ada}")
    shown = notebook.cell("%%rapyer_pipeline users\nfor user in users:\n    user.age = 1")
    assert "2 commands" in shown.text
    notebook.run('%%rapyer_pipeline team["lead"] users[0]\nteam["lead"].age += 1')
    assert stored(notebook, "ada")["age"] == 2  # type: ignore[index]


def test_an_empty_pipeline_says_so(notebook: Notebook) -> None:
    assert notebook.cell("%%rapyer_pipeline ada\npass").text.strip() == "no commands, nothing was sent"


def test_an_exception_discards_everything_and_says_so(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_pipeline ada\nada.age = 99\nawait ada.tags.aappend('lost')\n1/0")
    assert isinstance(shown.error, ZeroDivisionError)
    assert "✕ pipeline discarded: 2 commands not sent, models taken back to what they were" in shown.text
    assert notebook.run("ada.age, ada.tags") == (36, [])
    assert stored(notebook, "ada") == {"name": "Ada", "age": 36, "status": "active", "tags": []}


def test_the_traceback_points_at_the_body(notebook: Notebook) -> None:
    notebook.run("def helper(x):\n    return 1 / x")
    shown = notebook.cell("%%rapyer_pipeline ada\n\nada.age = 1\nhelper(0)")
    number = notebook.shell.execution_count - 1
    assert re.search(rf"Cell In\[{number}\], line 4\b.*----> 4 helper\(0\)", shown.text, re.DOTALL)
    assert "# %%rapyer_pipeline ada" in shown.text
    assert "rapyer_nb/" not in shown.text
    assert "contextlib" not in shown.text


def test_a_syntax_error_points_at_the_body(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_pipeline ada\n\nada.age = 1\nada.age = = 2")
    number = notebook.shell.execution_count - 1
    assert (
        f"Cell In[{number}], line 4\n    ada.age = = 2\n              ^\nSyntaxError: invalid syntax"
        in shown.text
    )
    assert "Traceback" not in shown.text
    shown = notebook.cell("%%rapyer_pipeline ada\nreturn 3")
    assert "line 2" in shown.text
    assert "SyntaxError: 'return' outside function" in shown.text
    assert notebook["ada"].age == 36


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("adda", "NotebookError: there is no variable 'adda'; did you mean 'ada'?"),
        ("User", "NotebookError: 'User' is a class, not a model; name variables that hold models"),
        ("number", "NotebookError: 'number' is an int, not a model; name variables that hold models"),
        ("ada --quit", "NotebookError: %%rapyer_pipeline: unknown option '--quit'; did you mean '--quiet'?"),
    ],
)
def test_mistakes_in_the_line_are_one_line(notebook: Notebook, line: str, message: str) -> None:
    notebook.run("number = 3")
    assert notebook.cell(f"%%rapyer_pipeline {line}\nada.age = 1").text.strip() == message


def test_a_model_that_is_not_stored_is_named_in_one_line(notebook: Notebook) -> None:
    notebook.run("eve = User(name='Eve')")
    text = notebook.cell("%%rapyer_pipeline eve\neve.age = 3").text.strip()
    assert text.startswith("KeyNotFound: ")
    assert "\n" not in text
    assert notebook["eve"].key in text


def test_a_librarys_error_out_of_the_body_keeps_its_traceback(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_pipeline ada\nada.nonsense = 3\nawait User.aget('User:none')")
    assert "----> 3 await User.aget('User:none')" in shown.text or "----> 2 ada.nonsense" in shown.text


@pytest.mark.parametrize("way", ["%%time\n", "%%capture shown\n"])
def test_under_other_cell_magics(notebook: Notebook, way: str) -> None:
    shown = notebook.cell(f"{way}%%rapyer_pipeline ada\nawait ada.aupdate(age=40)\nx = 1")
    assert shown.error is None, shown.text
    assert notebook["x"] == 1
    assert stored(notebook, "ada")["age"] == 40  # type: ignore[index]


def test_by_hand_in_a_function(notebook: Notebook) -> None:
    notebook.run(
        "def f():\n    return get_ipython().run_cell_magic('rapyer_pipeline', 'ada --quiet', 'ada.age = 3\\nada.age')\nx = f()"
    )
    assert notebook["x"] == 3
    assert stored(notebook, "ada")["age"] == 3  # type: ignore[index]


def test_a_command_that_fails_in_the_transaction_is_one_line(notebook: Notebook, server: redis.Redis) -> None:
    notebook.shell.user_ns["server"] = server
    shown = notebook.cell("%%rapyer_pipeline ada\nada.age += 1\nserver.delete(ada.key)")
    assert type(shown.error).__name__ in {"TransactionError", "KeyNotFound"}
    assert "\n" not in shown.text.strip()
    assert notebook["ada"].key in shown.text
    assert notebook["ada"].age == 36


# --- a dry run ---------------------------------------------------------------------------------------------


def writes(server: redis.Redis) -> set[str]:
    """Return the commands that were sent since the last look and are not known to only read."""
    harmless = {"info", "json.get", "ft.search", "ft._list", "config|resetstat", "ping", "hello", "select"}
    sent = {name.removeprefix("cmdstat_") for name in server.info("commandstats")}
    return {name for name in sent if name not in harmless and not name.startswith(("client", "ft.info"))}


def test_a_dry_run_shows_commands_and_changes_and_sends_nothing(
    notebook: Notebook, server: redis.Redis
) -> None:
    key, before = notebook["ada"].key, stored(notebook, "ada")
    server.config_resetstat()
    shown = notebook.cell(
        "%%rapyer_pipeline ada --dry-run\nada.age += 1\nawait ada.tags.aappend('x')\nada.name = 'Lady'\nada.age"
    )
    assert writes(server) == set()
    assert shown.value == 37
    told = shown.text[shown.text.index("dry run") :]
    lines = [" ".join(line.split()) for line in told.splitlines() if line.strip()]
    assert lines[0] == "dry run, nothing was sent: 3 commands"
    assert lines[1] == "command keys arguments"
    assert lines[2].startswith(f"1 JSON.NUMINCRBY {key} ") or lines[2].startswith(f"1 JSON.SET {key} ")
    assert lines[3].startswith(f"2 JSON.ARRAPPEND {key} ")
    assert lines[4].startswith(f"3 JSON.SET {key} ")
    assert lines[5:9] == [
        "1 model would change",
        f"~ {key} changed",
        "~ name: 'Ada' → 'Lady'",
        "~ age: 36 → 37",
    ]
    assert lines[9] == "+ tags[0]: 'x'"
    assert '<ins class="rapyer-added">37</ins>' in shown.html
    assert "<table>" in shown.html
    assert notebook.run("ada.name, ada.age, ada.tags") == ("Ada", 36, [])
    assert stored(notebook, "ada") == before


def test_a_dry_run_of_new_and_deleted_models(notebook: Notebook, server: redis.Redis) -> None:
    shown = notebook.cell(
        "%%rapyer_pipeline --dry-run\neve = User(name='Eve', age=3)\nawait eve.asave()\nawait bob.adelete()\nawait ada.asave()"
    )
    assert f"+ {notebook['eve'].key}  new" in shown.text
    assert "    + name: 'Eve'" in shown.text
    assert f"- {notebook['bob'].key}  gone" in shown.text
    assert "    - name: 'Bob'" in shown.text
    assert "2 models would change" in shown.text
    assert server.exists(notebook["eve"].key, notebook["bob"].key) == 1
    notebook.run("await bob.asave()")


def test_a_dry_run_says_where_there_is_nothing_and_can_be_short(notebook: Notebook) -> None:
    assert notebook.cell("%%rapyer_pipeline --dry-run\npass").text.strip() == (
        "dry run, nothing was sent: no commands"
    )
    text = notebook.cell("%%rapyer_pipeline ada --dry-run --quiet\nada.age = 1").text.strip()
    assert text == "dry run, nothing was sent: 1 command"


def test_a_dry_run_refuses_what_would_write_at_once(notebook: Notebook, server: redis.Redis) -> None:
    notebook.run("await ada.tags.aappend('x')")
    shown = notebook.cell("%%rapyer_pipeline --dry-run\nada.age = 5\nlast = await ada.tags.apop()")
    message = (
        f"a dry run sends nothing, and JSON.ARRPOP {notebook['ada'].key} would be sent at once, for its answer; "
        "leave --dry-run out, or do this before the pipeline"
    )
    assert str(shown.error) == message
    assert "✕ pipeline discarded: 1 command not sent" in shown.text
    assert server.json().get(notebook["ada"].key, "$.tags") == [["x"]]
    assert notebook.run("ada.age") == 36


def test_an_exception_in_a_dry_run_is_the_users(notebook: Notebook) -> None:
    shown = notebook.cell("%%rapyer_pipeline ada --dry-run\nada.age = 1\n1/0")
    assert isinstance(shown.error, ZeroDivisionError)
    assert "✕ pipeline discarded: 1 command not sent, models taken back to what they were" in shown.text
    assert notebook["ada"].age == 36


def test_hostile_values_in_a_dry_run(notebook: Notebook) -> None:
    notebook.shell.user_ns["bad"] = HOSTILE
    shown = notebook.cell(
        "%%rapyer_pipeline ada --dry-run\nada.name = bad\nada.status = 'y' * 10_000_000\nada.tags = ['z'] * 100_000"
    )
    assert "<img" not in shown.html
    assert "\x1b" not in shown.html + shown.text
    assert "\\x1b[31m" in shown.text
    assert len(shown.html) < 30_000
    assert len(shown.text) < 10_000
    many = notebook.cell("%%rapyer_pipeline --dry-run\nfor n in range(60):\n    await ada.tags.aappend(bad)")
    assert "… 10 more" in many.text
    assert len(many.text) < 20_000


async def test_a_dry_run_in_python_with_all_that_lives_beside(source: ClientSource) -> None:
    user = await PipeUser(name="a", marks=[1, 2]).asave()
    await user.tags.aadd("old")
    await source.client().expire(user.key, 100)
    async with rapyer_nb.pipeline(user, dry_run=True) as run:
        user.home.city = "Rome"
        user.marks.append(3)
        await user.tags.aadd("new")
        await user.tags.aremove("old")
        await user.jobs.apush("job", 1)
    assert run.replies == ()
    (change,) = run.changes
    told = {(part.sign, part.path) for part in change.parts}
    assert told == {("~", "home.city"), ("+", "marks[2]"), ("+", "tags"), ("-", "tags")}
    names = [command.operation for command in run.commands]
    assert "SADD" in " ".join(names) or "script" in " ".join(names)
    assert len(run.commands) >= 5
    assert [command.operation for command in run.renewals] != []
    assert user.home.city == "Paris"
    assert user.tags == {"old"}
    assert await source.client().ttl(user.key) <= 100  # looking starts no time to live anew
    assert await user.jobs.asize() == 0
    assert repr(run) == f"<Sending dry run, nothing was sent: {len(run.commands)} commands>"


# --- what else can be asked --------------------------------------------------------------------------------


def test_the_replies_are_assigned(notebook: Notebook) -> None:
    notebook.run("%%rapyer_pipeline ada --result replies --quiet\nawait ada.tags.aappend('x')\nada.age = 5")
    assert isinstance(notebook["replies"], list)
    assert len(notebook["replies"]) == 2


def test_a_failing_body_assigns_no_replies(notebook: Notebook) -> None:
    notebook.cell("%%rapyer_pipeline ada --result replies\nada.age = 5\n1/0")
    assert "replies" not in notebook.shell.user_ns


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            "--dry-run --result x",
            "NotebookError: %%rapyer_pipeline: a dry run has no replies, no errors of the server and nothing to "
            "reload; leave --dry-run or the other option out",
        ),
        (
            "--result 1x",
            "NotebookError: %%rapyer_pipeline: argument --result: the name of a variable is needed",
        ),
        ("--dry", "NotebookError: %%rapyer_pipeline: unknown option '--dry'; did you mean '--dry-run'?"),
    ],
)
def test_mistakes_in_options_are_one_line(notebook: Notebook, options: str, message: str) -> None:
    text = notebook.cell(f"%%rapyer_pipeline ada {options}\nada.age = 1").text.strip()
    assert text.startswith(message)
    assert "\n" not in text
    assert notebook["ada"].age == 36


def test_errors_of_the_server_can_be_ignored(notebook: Notebook, server: redis.Redis) -> None:
    notebook.shell.user_ns["server"] = server
    body = "ada.age += 1\nbob.age = 99\nserver.delete(ada.key)"
    shown = notebook.cell(f"%%rapyer_pipeline ada bob --ignore-errors\n{body}")
    assert shown.error is None
    assert "⚠ 2 commands, ended by an error that was ignored: " in shown.text
    assert notebook["ada"].key in shown.text
    # What the user's own code raises is not.
    assert isinstance(notebook.cell("%%rapyer_pipeline --ignore-errors\n1/0").error, ZeroDivisionError)


async def test_the_error_that_was_ignored_is_told(source: ClientSource) -> None:
    user = await PipeUser().asave()
    async with rapyer_nb.pipeline(user, ignore_errors=True) as run:
        user.age += 1
        await source.client().delete(user.key)
    assert run.ignored
    assert run.replies == ()
    with pytest.raises((TransactionError, Exception), match=str(user.key)):
        async with rapyer_nb.pipeline(user):
            user.age += 1


def test_models_are_read_anew_at_the_end(notebook: Notebook, server: redis.Redis) -> None:
    notebook.shell.user_ns["server"] = server
    body = "server.json().set(ada.key, '$.status', 'theirs')\nada.age += 1\nbob.age = 1"
    shown = notebook.cell(f"%%rapyer_pipeline ada --reload\n{body}")
    assert re.search(r"2 commands, 1 round trip, \d+\.\d ms, 2 models read anew", shown.text)
    assert notebook.run("ada.status, ada.age, bob.age") == ("theirs", 37, 1)
    shown = notebook.cell(
        "%%rapyer_pipeline --reload\nserver.json().set(ada.key, '$.status', 'other')\nada.age = 1\n1/0"
    )
    assert "✕ pipeline discarded: 1 command not sent, models read anew" in shown.text
    assert notebook.run("ada.status, ada.age") == ("other", 37)
    shown = notebook.cell("%%rapyer_pipeline ada --reload\nawait bob.adelete()")
    assert shown.error is None
    assert "1 model read anew" in shown.text


def test_without_feedback_nothing_is_told(notebook: Notebook) -> None:
    notebook.run("%config RapyerMagics.feedback = False")
    assert notebook.cell("%%rapyer_pipeline ada\nada.age = 1").text == ""
    assert "nothing was sent" in notebook.cell("%%rapyer_pipeline ada --dry-run\nada.age = 2").text


def test_inside_another_pipeline_it_is_a_part_of_that(notebook: Notebook, server: redis.Redis) -> None:
    inner = "await get_ipython().rapyer.cell_magic('rapyer_pipeline', {!r}, 'bob.age = 5')"
    server.config_resetstat()
    shown = notebook.cell("%%rapyer_pipeline\nada.age = 4\n" + inner.format(""))
    assert "1 command queued in the pipeline that is open, which sends them at its end" in shown.text
    assert "2 commands, 1 round trip" in shown.text
    assert server.info("commandstats")["cmdstat_exec"]["calls"] == 1
    assert server.json().get(notebook["bob"].key, "$.age") == [5]
    shown = notebook.cell("%%rapyer_pipeline\nada.age = 9\n" + inner.format("--dry-run"))
    assert str(shown.error) == (
        "a pipeline inside another one is sent with that one, as that one says; leave its options out, or put "
        "them to the outer one"
    )
    assert server.json().get(notebook["ada"].key, "$.age") == [4]


async def test_what_fails_inside_is_undone_alone(source: ClientSource) -> None:
    one, two = await PipeUser().asave(), await PipeUser().asave()
    async with apipeline():
        one.age = 1
        with pytest.raises(ZeroDivisionError):
            async with rapyer_nb.pipeline() as run:
                two.age = 2
                _ = 1 / 0
        assert (run.joined, two.age) == (True, 0)
    assert [(await PipeUser.aget(user.key)).age for user in (one, two)] == [1, 0]
    with pytest.raises(NotebookError, match="a pipeline inside another one"):
        async with apipeline(), rapyer_nb.pipeline(reload=True):
            pass


async def test_only_times_to_live_are_a_round_trip_too(source: ClientSource) -> None:
    user = await PipeUser().asave()
    async with rapyer_nb.pipeline() as run:
        await PipeUser.aget(user.key)
    assert (run.commands, run.round_trips) == ((), 1)
    assert run.summary().startswith("0 commands, 1 round trip, ")


async def test_an_interrupt_sends_nothing(source: ClientSource) -> None:
    user = await PipeUser(age=1).asave()
    inside = asyncio.Event()

    async def work() -> None:
        async with rapyer_nb.pipeline(user):
            user.age = 2
            inside.set()
            await asyncio.sleep(60)

    task = asyncio.ensure_future(work())
    await inside.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert user.age == 1
    assert (await PipeUser.aget(user.key)).age == 1


def test_another_connection(notebook: Notebook, second: EmbeddedServer) -> None:
    notebook.shell.user_ns["url"] = second.url
    notebook.run("%rapyer_connect $url --alias other\n%rapyer_connect default")
    notebook.run("far = User(name='Far')\n%rapyer_save far --alias other")
    notebook.run("%%rapyer_pipeline far --alias other\nfar.age = 9\nawait far.tags.aappend('x')")
    with redis.Redis.from_url(second.url, decode_responses=True) as client:
        assert client.json().get(notebook["far"].key, "$.age") == [9]
        notebook.run("%%rapyer_pipeline far --alias other --dry-run\nfar.age = 10")
        assert client.json().get(notebook["far"].key, "$.age") == [9]


CONTEXTS = (
    "%%rapyer_pipeline ada\nada.age += 1",
    "%%time\n%%rapyer_pipeline ada\nada.age += 1",
    "%%capture out\n%%rapyer_pipeline ada\nada.age += 1",
    "def f():\n    get_ipython().run_cell_magic('rapyer_pipeline', 'ada', 'ada.age += 1')\nf()",
    "if True:\n    await get_ipython().rapyer.cell_magic('rapyer_pipeline', 'ada', 'ada.age += 1')",
    "%%rapyer_pipeline ada --dry-run\nada.age += 100",
)


def test_with_all_cells_queued(rapyer_redis_url: str) -> None:
    runs = run_queued(
        [
            f"import os\nos.environ['RAPYER_REDIS_URL'] = {rapyer_redis_url!r}\n%load_ext rapyer_nb",
            "from rapyer import AtomicRedisModel\nclass User(AtomicRedisModel):\n    age: int = 0\n"
            "ada = await User().asave()",
            *CONTEXTS,
            f"assert (await User.aget(ada.key)).age == {len(CONTEXTS) - 1}",
        ]
    )
    assert all(run.ok for run in runs), report(runs)

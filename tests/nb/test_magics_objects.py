"""`%rapyer_get`, `%rapyer_save`, `%rapyer_delete`, `%rapyer_ttl`, and their equals in Python."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Annotated, Any

import pytest
import redis
from pydantic import Field

import rapyer_nb
from rapyer import AtomicRedisModel, Index, apipeline
from rapyer.cascade import CascadeDelete
from rapyer.config import RedisConfig
from rapyer.errors import KeyNotFound, StaleModelError
from rapyer.types import RedisSet, Reference
from rapyer_nb.errors import NotebookError
from rapyer_nb.progress import ProgressBar
from rapyer_nb.views.objects import Life, listed, span
from tests.nb.bars import watched_bars
from tests.nb.notebook import Notebook, open_notebook
from tests.nb.queued_cells import report, run_queued

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource
    from rapyer_nb.server import EmbeddedServer

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"


class ObjBox(AtomicRedisModel):
    name: str = ""
    number: int = 0
    tags: RedisSet[str] = Field(default_factory=RedisSet)


class ObjMany(AtomicRedisModel):
    Meta = RedisConfig(max_delete_per_transaction=2)
    number: Index[int] = 0


class ObjRoot(AtomicRedisModel):
    many: Annotated[list[Reference[ObjMany]], CascadeDelete()] = []


class ObjCareful(AtomicRedisModel):
    Meta = RedisConfig(remember_loaded=True)
    name: str = ""
    number: int = 0


class ObjEnding(AtomicRedisModel):
    Meta = RedisConfig(ttl=500, refresh_ttl=True)
    name: str = ""


def answers(monkeypatch: pytest.MonkeyPatch, answer: str) -> list[str]:
    """Let `input` give an answer, and return the questions that it is asked."""
    asked: list[str] = []

    def answering(question: str) -> str:
        asked.append(question)
        return answer

    monkeypatch.setattr("builtins.input", answering)
    return asked


# --- get ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        "User:42",
        "User 42",
        "User $number",
        "User {number}",
        "User '42'",
        "$key",
        "key",
        "'User:42'",
        "{keys[0]}",
        "keys[0]",
        "found",
        "holder.User 42",
    ],
)
def test_get_finds_what_is_named(notebook: Notebook, words: str) -> None:
    notebook.run(
        "class Holder: pass\nholder = Holder()\nholder.User = User\nnumber, key, keys = 42, 'User:42', ['User:42']\n"
        "found = User(name='Deep')\nfound.pk = '42'\nawait found.asave()"
    )
    user = notebook.run(f"user = %rapyer_get {words}\nuser")
    assert (type(user).__name__, user.key, user.name) == ("User", "User:42", "Deep")
    assert user is not notebook["found"]


def test_get_shows_the_model(notebook: Notebook) -> None:
    shown = notebook.cell("%rapyer_get $ada.key")
    assert "name='Ada'" in shown.text
    assert "<table>" in shown.html


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("User:none", "KeyNotFound: no User is stored under User:none"),
        ("Usr:1", "RapyerModelDoesntExistError: no model class has keys that start with Usr:"),
        ("Usr 1", "NotebookError: unknown model 'Usr'; did you mean 'User'?"),
        ("adda", "NotebookError: 'adda' is neither a key nor a variable; did you mean 'ada'?"),
        ("zzzz", "NotebookError: 'zzzz' is neither a key nor a variable; keys look like User:42"),
        ("number", "NotebookError: 'number' is an int, neither a key nor a model; keys look like User:42"),
        (
            "User",
            "NotebookError: User is a class, and the key is missing; User 42 is the one with the key 42",
        ),
        ("ada bob", "NotebookError: %rapyer_get takes one object, not 2; name one key or one model"),
        ("", "NotebookError: %rapyer_get: the following arguments are required: KEY|MODEL PK"),
        ("User Other:1", "WrongClassError: Other:1 is no key of User, whose keys start with User:"),
    ],
)
def test_what_get_does_not_find_is_one_line(notebook: Notebook, words: str, message: str) -> None:
    notebook.run("number = 3\nclass Other(AtomicRedisModel):\n    name: str = ''")
    text = notebook.cell(f"%rapyer_get {words}").text.strip()
    assert text.startswith(message)
    assert "\n" not in text


async def test_get_in_python(source: ClientSource) -> None:
    box = await ObjBox(name="a").asave()
    for found in (
        await rapyer_nb.get(box.key),
        await rapyer_nb.get(ObjBox, box.pk),
        await rapyer_nb.get(box),
    ):
        assert (found.key, found.name) == (box.key, "a")
        assert found is not box
    with pytest.raises(NotebookError, match="an int is neither a key nor a model; keys look like User:42"):
        await rapyer_nb.get(3)  # type: ignore[call-overload]
    with pytest.raises(NotebookError, match="ObjBox is a class, and the key is missing"):
        await rapyer_nb.get(ObjBox)  # type: ignore[call-overload]
    with pytest.raises(NotebookError, match="a primary key needs a model class, not a str"):
        await rapyer_nb.get("ObjBox:1", 2)  # type: ignore[call-overload]


# --- save --------------------------------------------------------------------------------------------------


def test_save_stores_variables_and_lists_in_one_transaction(notebook: Notebook, server: redis.Redis) -> None:
    notebook.run("eve = User(name='Eve')\nusers = [ada, bob]\nada.age = 1\nbob.age = 2")
    server.config_resetstat()
    shown = notebook.cell("%rapyer_save users eve ada")
    ada, bob, eve = (notebook[name].key for name in ("ada", "bob", "eve"))
    assert shown.text.strip().startswith(f"saved 3 models: {ada}, {bob}, {eve}, ")
    assert shown.text.strip().endswith(" ms")
    assert shown.value.keys == (ada, bob, eve)
    assert server.info("commandstats")["cmdstat_exec"]["calls"] == 1
    assert [server.json().get(key, "$.age") for key in (ada, bob, eve)] == [[1], [2], [0]]


def test_all_are_saved_or_none(notebook: Notebook, server: redis.Redis) -> None:
    notebook.run(
        "a, b = User(name='A'), User(name='B')\nbig = User(name='C')\nUser.Meta.max_document_bytes = 80"
    )
    notebook.run("big.tags = ['x' * 100]")
    text = notebook.cell("%rapyer_save a b big").text.strip()
    assert "\n" not in text
    assert notebook["big"].key in text
    assert server.exists(notebook["a"].key, notebook["b"].key, notebook["big"].key) == 0


def test_save_in_a_pipeline_is_queued(notebook: Notebook, server: redis.Redis) -> None:
    shown = notebook.cell("%%rapyer_pipeline\nada.age = 5\nsaved = %rapyer_save ada\nsaved")
    assert (
        f"saving 1 model is queued; it is done at the end of the pipeline: {notebook['ada'].key}"
        in shown.text
    )
    assert server.json().get(notebook["ada"].key, "$.age") == [5]


def test_what_cannot_be_saved_is_one_line(notebook: Notebook) -> None:
    assert notebook.cell("%rapyer_save adda").text.strip() == (
        "NotebookError: there is no variable 'adda'; did you mean 'ada'?"
    )
    assert notebook.cell("%rapyer_save ada --only-change").text.strip() == (
        "NotebookError: %rapyer_save: unknown option '--only-change'; did you mean '--only-changed'?"
    )
    assert notebook.cell("%rapyer_save ada --only-changed").text.strip().startswith("ConfigError: ")
    assert notebook.cell("%rapyer_save ada bob --if-unchanged").text.strip() == (
        "NotebookError: 2 models cannot be saved together only if they are unchanged; save one at a time"
    )


async def test_save_in_python_with_care(source: ClientSource) -> None:
    mine = await ObjCareful(name="a").asave()
    theirs = await ObjCareful.aget(mine.key)
    theirs.number = 7
    assert (await rapyer_nb.save(theirs, only_changed=True)).keys == (theirs.key,)
    mine.name = "b"
    with pytest.raises(StaleModelError):
        await rapyer_nb.save(mine, if_unchanged=True)
    await rapyer_nb.save(mine, only_changed=True)
    found = await ObjCareful.aget(mine.key)
    assert (found.name, found.number) == ("b", 7)
    assert (await rapyer_nb.save()).summary() == "no models, nothing was saved"


# --- delete ------------------------------------------------------------------------------------------------


def test_delete_asks_first(notebook: Notebook, server: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    key = notebook["ada"].key
    asked = answers(monkeypatch, "n")
    shown = notebook.cell("%rapyer_delete ada")
    assert shown.text.strip() == "nothing was deleted"
    assert asked == [f"delete 1 model: {key}? [y/N] "]
    assert server.exists(key) == 1
    answers(monkeypatch, " Yes")
    assert notebook.cell("%rapyer_delete ada").text.strip().startswith("deleted 1 model, ")
    assert server.exists(key) == 0


def test_where_nobody_can_be_asked_delete_says_yes(
    notebook: Notebook, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(question: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    key = notebook["ada"].key
    for words in ("ada", 'User --where name == "Ada"'):
        assert notebook.cell(f"%rapyer_delete {words}").text.strip() == (
            f"NotebookError: %rapyer_delete: there is nobody to ask: delete 1 model: {key}?; "
            "add --yes to do it without asking"
        )
    assert server.exists(key) == 1


def test_delete_by_keys_primary_keys_and_lists(notebook: Notebook, server: redis.Redis) -> None:
    notebook.run(
        "made = []\nfor number in range(5):\n    one = User(name='x')\n    one.pk = str(number)\n"
        "    made.append(await one.asave())"
    )
    shown = notebook.cell("%rapyer_delete User:0 made[1] $made[2] User:none --yes")
    assert shown.text.strip().startswith("deleted 3 models, 1 not there (any more), ")
    assert (shown.value.models, shown.value.missing) == (3, 1)
    assert notebook.cell("%rapyer_delete User 3 4 --yes").value.models == 2
    assert sorted(server.keys("User:*")) == sorted([notebook["ada"].key, notebook["bob"].key])
    notebook.run("users, none = [ada, bob], []")
    assert notebook.cell("%rapyer_delete none --yes").text.strip() == "no models, nothing was deleted"
    assert notebook.cell("%rapyer_delete users --yes").value.models == 2


def test_a_dry_run_deletes_nothing(notebook: Notebook, server: redis.Redis) -> None:
    key = notebook["ada"].key
    assert notebook.cell("%rapyer_delete ada --dry-run").text.strip() == (
        f"dry run, nothing was deleted; it would be 1 model: {key}"
    )
    shown = notebook.cell("%rapyer_delete ada User:none --dry-run --yes")
    assert shown.text.strip() == "dry run, nothing was deleted; it would be 1 model; 1 not there"
    shown = notebook.cell("%rapyer_delete User --where age > 20 --dry-run")
    assert shown.text.strip() == f"dry run, nothing was deleted; it would be 1 model: {key}"
    assert server.exists(key) == 1


def test_delete_by_a_filter(notebook: Notebook, server: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook.run("least = 20\nmany = await User.ainsert(*[User(name='m', age=99) for _ in range(12)])")
    asked = answers(monkeypatch, "y")
    shown = notebook.cell("%rapyer_delete User --where age >= $least and name == 'm'")
    assert asked[0].startswith("delete 12 models: User:")
    assert asked[0].endswith(", … 7 more? [y/N] ")
    assert shown.text.strip().startswith("deleted 12 models, ")
    assert shown.value.models == 12
    assert len(server.keys("User:*")) == 2
    # What matches nothing is not asked about.
    assert notebook.cell("%rapyer_delete User where age > 200").text.strip().startswith("deleted 0 models, ")
    assert len(asked) == 1
    assert notebook.cell("%rapyer_delete User where age > 20 --yes").value.models == 1
    assert server.exists(notebook["bob"].key) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "User",
            "NotebookError: User is a class, and the key is missing; User 42 is the one with the key 42",
        ),
        (
            "User --where",
            "NotebookError: %rapyer_delete: --where needs a value; %rapyer_delete? shows the help",
        ),
        ("User where", "NotebookError: %rapyer_delete: the filter is missing; User --where age < 18"),
        (
            "ada --where age < 3",
            "NotebookError: %rapyer_delete: a filter needs one model class before it; User --where age < 18",
        ),
        ("User --where agee < 3", "NotebookError: unknown field 'agee' on User; did you mean 'age'?"),
        ("ada --ye", "NotebookError: %rapyer_delete: unknown option '--ye'; did you mean '--yes'?"),
    ],
)
def test_mistakes_delete_nothing(notebook: Notebook, server: redis.Redis, words: str, message: str) -> None:
    before = sorted(server.keys("*"))
    assert notebook.cell(f"%rapyer_delete {words}").text.strip() == message
    assert sorted(server.keys("*")) == before


def test_delete_in_a_pipeline_is_queued(notebook: Notebook, server: redis.Redis) -> None:
    shown = notebook.cell("%%rapyer_pipeline\ngone = %rapyer_delete ada --yes\ngone")
    assert "deleting 1 model is queued; it is done at the end of the pipeline" in shown.text
    assert server.exists(notebook["ada"].key) == 0


async def test_delete_in_python(source: ClientSource) -> None:
    boxes = [await ObjBox(name=str(number), number=number).asave() for number in range(4)]
    await boxes[0].tags.aadd("x")
    dry = await rapyer_nb.delete(boxes[0], boxes[1].key, dry_run=True)
    assert (dry.models, dry.missing, dry.dry_run) == (2, 0, True)
    done = await rapyer_nb.delete(boxes[0], boxes[1].key)
    assert (done.models, done.redis_keys, done.queued) == (2, 3, False)
    assert done.summary().startswith("deleted 2 models (3 keys), ")
    assert await ObjBox.acount() == 2
    with pytest.raises(NotebookError, match="a filter needs one model class"):
        await rapyer_nb.delete(boxes[2], where="number > 1")
    with pytest.raises(NotebookError, match="the filter is empty"):
        await rapyer_nb.delete(ObjBox, where=" ")
    with pytest.raises(NotebookError, match="ObjBox is a class, and the key is missing"):
        await rapyer_nb.delete(ObjBox)
    assert await ObjBox.acount() == 2
    async with apipeline():
        assert (await rapyer_nb.delete(boxes[2])).queued
    assert not await ObjBox.aexists(boxes[2].key)


async def test_a_long_delete_shows_how_far_it_is_and_can_be_interrupted(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[int, int]] = []
    stop_at = [0]

    class Bar(ProgressBar):
        def reach(self, done: int, total: int | None = None) -> None:
            seen.append((done, total or 0))
            if done >= stop_at[0] > 0:
                task = asyncio.current_task()
                assert task is not None
                task.cancel()

    monkeypatch.setattr("rapyer_nb.magics.delete.progress", Bar)
    monkeypatch.setattr("rapyer.search.change.DOCUMENTS_AT_ONCE", 2)
    await ObjMany.acreate_index()
    await ObjMany.ainsert(*[ObjMany(number=number) for number in range(10)])
    done = await rapyer_nb.delete(ObjMany, where=ObjMany.number < 5)
    assert (done.models, seen) == (5, [(2, 5), (4, 5), (5, 5)])
    stop_at[0] = 2
    with pytest.raises(asyncio.CancelledError):
        await asyncio.ensure_future(rapyer_nb.delete(ObjMany, where="number >= 5"))
    assert 0 < await ObjMany.acount() <= 3  # what was on its way may have gone, too


CASCADING = """
from typing import Annotated
from rapyer.cascade import CascadeDelete
from rapyer.types import Reference

class ObjPlayer(AtomicRedisModel):
    name: str = ""

class ObjTeam(AtomicRedisModel):
    name: Index[str] = ""
    players: Annotated[list[Reference[ObjPlayer]], CascadeDelete()] = []

players = [ObjPlayer(name=str(n)) for n in range(5)]
%rapyer_save players
red = await ObjTeam(name="red", players=[one.key for one in players[:3]]).asave()
blue = await ObjTeam(name="blue", players=[one.key for one in players[3:]]).asave()
"""


def test_a_dry_run_and_the_question_count_what_goes_along(
    notebook: Notebook, server: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    notebook.run(CASCADING)
    red, before = notebook["red"].key, server.dbsize()
    would = f"it would be 4 models: {red}, and 3 that they refer to"
    for line in (
        "%rapyer_delete red --cascade --dry-run",
        "%rapyer_delete ObjTeam where name == 'red' --cascade --dry-run",
        "await rapyer_nb.delete(red, cascade=True, dry_run=True)",
        "await rapyer_nb.delete(ObjTeam, where=ObjTeam.name == 'red', cascade=True, dry_run=True)",
    ):
        shown = notebook.cell(f"import rapyer_nb\n{line}")
        assert shown.text.strip() == f"dry run, nothing was deleted; {would}", line
        assert (shown.value.models, shown.value.along) == (4, 3)
    asked = answers(monkeypatch, "n")
    notebook.run("%rapyer_delete red --cascade")
    notebook.run("%rapyer_delete ObjTeam --where name == 'red' --cascade")
    assert asked == [f"delete 4 models: {red}, and 3 that they refer to? [y/N] "] * 2
    assert server.dbsize() == before
    answers(monkeypatch, "y")
    shown = notebook.cell("%rapyer_delete red --cascade")
    assert shown.text.strip().startswith("deleted 4 models, ")
    # What is missing leads nowhere, and a player alone takes nobody along.
    shown = notebook.cell("%rapyer_delete red --cascade --dry-run")
    assert shown.text.strip() == "dry run, nothing was deleted; it would be 0 models; 1 not there"
    done = notebook.run("%rapyer_delete ObjTeam where name == 'blue' --cascade --yes")
    assert (done.models, done.along) == (3, 2)
    assert server.dbsize() == before - 7


async def test_deleting_by_keys_and_along_references_tells_how_far_it_is(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars = watched_bars(monkeypatch, "rapyer_nb.magics.delete")
    monkeypatch.setattr("rapyer.model.delete.BATCHES_AT_ONCE", 1)
    many = [ObjMany(number=number) for number in range(5)]
    boxes = [ObjBox(), ObjBox()]
    await ObjMany.ainsert(*many)
    await ObjBox.ainsert(*boxes)
    dry = await rapyer_nb.delete(*many, *boxes, dry_run=True)
    assert (dry.models, bars[-1].reached) == (7, [(5, 7), (7, 7)])
    done = await rapyer_nb.delete(*many, *boxes)
    assert (done.models, bars[-1].reached) == (7, [(2, 7), (4, 7), (5, 7), (7, 7)])
    roots = [ObjRoot(many=[many[0].key, many[1].key]), ObjRoot()]
    await ObjMany.ainsert(*many[:2])
    await ObjRoot.ainsert(*roots)
    done = await rapyer_nb.delete(*roots, cascade=True)
    assert (done.models, done.along) == (4, 2)
    assert bars[-1].reached == [(2, 2)]
    assert bars[-1].total == 2


# --- ttl ---------------------------------------------------------------------------------------------------


def test_ttl_shows_sets_and_persists(notebook: Notebook, server: redis.Redis) -> None:
    key = notebook["ada"].key
    assert notebook.cell("%rapyer_ttl ada").text.strip() == f"{key} never ends"
    shown = notebook.cell("hours = 2\n%rapyer_ttl ada {hours * 3600}")
    assert f"{key} ends in 2 h, at " in shown.text
    assert 7190 < shown.value.left <= 7200
    assert 7190 < server.ttl(key) <= 7200
    notebook.run("number = ada.pk")
    assert notebook.run("life = %rapyer_ttl User $number\nlife.left") > 7190
    assert notebook.run("life = %rapyer_ttl User $number 60\nlife.left") <= 60
    assert notebook.run(f"life = %rapyer_ttl {key} 90\nlife.left") > 60
    assert notebook.cell("%rapyer_ttl ada --persist").text.strip() == f"{key} never ends"
    assert server.ttl(key) == -1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("User:none", "KeyNotFound: no User is stored under User:none"),
        ("User:none 60", "KeyNotFound: no User is stored under User:none"),
        ("User:none --persist", "KeyNotFound: no User is stored under User:none"),
        (
            "ada soon",
            "NotebookError: %rapyer_ttl: a positive whole number is needed, not 'soon'; give seconds, such as "
            "3600, or --persist",
        ),
        (
            "ada 0",
            "NotebookError: %rapyer_ttl: a positive whole number is needed, not '0'; give seconds, such as 3600, "
            "or --persist",
        ),
        (
            "ada 5 --persist",
            "NotebookError: %rapyer_ttl: seconds and --persist exclude each other; leave one out",
        ),
        ("ada 5 6", "NotebookError: %rapyer_ttl takes one object and the seconds; %rapyer_ttl User:42 60"),
        (
            "ada 99999999999999999999",
            "NotebookError: a time to live is 1 to 9000000000000000 seconds, not 99999999999999999999",
        ),
    ],
)
def test_mistakes_of_ttl_are_one_line(
    notebook: Notebook, server: redis.Redis, words: str, message: str
) -> None:
    text = notebook.cell(f"%rapyer_ttl {words}").text.strip()
    assert text.startswith(message)
    assert "\n" not in text
    assert server.ttl(notebook["ada"].key) == -1


async def test_ttl_of_what_lives_beside(source: ClientSource) -> None:
    box = await ObjBox(name="a").asave()
    await box.tags.aadd("x")
    life = await rapyer_nb.ttl(box, 100)
    assert life.left is not None
    assert 99 < life.left <= 100
    assert list(life.beside) == ["tags"]
    beside = next(key for key in await source.client().keys("*") if "tags" in str(key))
    assert 99 <= await source.client().ttl(beside) <= 100
    await source.client().persist(beside)
    assert (await rapyer_nb.ttl(box.key)).summary().endswith("; ⚠ but tags never ends")
    assert (await rapyer_nb.ttl(box, persist=True)).left is None
    with pytest.raises(KeyNotFound):
        await rapyer_nb.ttl("ObjBox:none")
    with pytest.raises(NotebookError, match="seconds and persist exclude each other"):
        await rapyer_nb.ttl(box, 5, persist=True)
    for wrong in (0, -1, True, 1.5, 2**63):
        with pytest.raises(NotebookError, match="a time to live is 1 to"):
            await rapyer_nb.ttl(box, wrong)  # type: ignore[arg-type]


async def test_ttl_in_a_pipeline_wins_over_what_starts_it_anew(source: ClientSource) -> None:
    ending = await ObjEnding(name="a").asave()
    async with apipeline():
        ending.name = "b"
        assert (await rapyer_nb.ttl(ending, 50)).queued
    assert 49 <= await source.client().ttl(ending.key) <= 50
    async with apipeline():
        ending.name = "c"
        await rapyer_nb.ttl(ending, persist=True)
    assert await source.client().ttl(ending.key) == -1


async def test_looking_at_a_ttl_does_not_start_it_anew(source: ClientSource) -> None:
    ending = await ObjEnding(name="a").asave()
    await source.client().expire(ending.key, 40)
    assert (await rapyer_nb.ttl(ending)).left <= 40  # type: ignore[operator]
    assert await source.client().ttl(ending.key) <= 40


# --- all of them -------------------------------------------------------------------------------------------


def test_spans_and_lists() -> None:
    assert [span(seconds) for seconds in (0.4, 1, 59.6, 61, 3600, 3661, 90_061)] == [
        "0.4 s",
        "1 s",
        "1 min",
        "1 min 1 s",
        "1 h",
        "1 h 1 min",
        "1 d 1 h",
    ]
    assert listed(("a",)) == "a"
    assert listed(tuple("abcdefg")) == "a, b, c, d, e, … 2 more"
    assert listed(tuple("abc"), 10) == "a, b, c, … 7 more"


def test_hostile_keys_are_escaped(notebook: Notebook, server: redis.Redis) -> None:
    notebook.shell.user_ns["bad"] = f"User:{HOSTILE}"
    notebook.run("evil = User(name='x')\nevil.pk = bad[5:]\nawait evil.asave()")
    for line in (
        "%rapyer_ttl $bad",
        "%rapyer_save evil",
        "%rapyer_get $bad",
        "%rapyer_delete $bad --dry-run",
    ):
        shown = notebook.cell(line)
        assert "<img" not in shown.html, line
        assert "\x1b" not in shown.html, line
        assert "\\x1b[31m" in shown.text, line
    assert notebook.cell("%rapyer_delete $bad --yes").value.models == 1
    shown = notebook.cell("%rapyer_get $bad")
    assert shown.error is not None


def test_a_life_is_plain_data() -> None:
    assert Life("User:1", 5.0, asked=0.0).summary().startswith("User:1 ends in 5 s, at ")
    assert repr(Life("User:1", queued=True)) == (
        "the time to live of User:1 is queued; it is done at the end of the pipeline"
    )


def test_another_connection(notebook: Notebook, second: EmbeddedServer) -> None:
    notebook.shell.user_ns["url"] = second.url
    notebook.run("%rapyer_connect $url --alias other\n%rapyer_connect default")
    notebook.run("far = User(name='Far')\n%rapyer_save far --alias other")
    with redis.Redis.from_url(second.url, decode_responses=True) as client:
        key = notebook["far"].key
        assert json.loads(client.execute_command("JSON.GET", key))["name"] == "Far"
        assert notebook.run("copy = %rapyer_get $far --alias other\ncopy.name") == "Far"
        notebook.run("%rapyer_ttl far 60 --alias other")
        assert 0 < client.ttl(key) <= 60
        assert notebook.cell("%rapyer_delete far --yes").value.models == 0
        assert (
            notebook.cell("%rapyer_delete User --where name == 'Far' --yes --alias other").value.models == 1
        )
        assert client.exists(key) == 0


SETUP = """
from rapyer import AtomicRedisModel, Index

class User(AtomicRedisModel):
    name: Index[str] = ""
    age: Index[int] = 0

ada = User(name="Ada")
ada.pk = "ada"
await ada.asave()
"""
LINES = {
    "rapyer_get": ("User ada", "value.name == 'Ada'"),
    "rapyer_save": ("ada", "value.keys == ('User:ada',)"),
    "rapyer_ttl": ("User:ada", "value.left is None"),
    "rapyer_delete": ("User:none --yes", "value.missing == 1"),
}
CONTEXTS = {
    "at the top": "value = %{magic}",
    "in an if": "if True:\n    value = %{magic}",
    "in a for": "for _ in range(2):\n    value = %{magic}",
    "in an async function": "async def ask():\n    found = %{magic}\n    return found\nvalue = await ask()",
    "in a function": "def ask():\n    found = %{magic}\n    return found\nvalue = ask()",
    "with %time": "%time value = get_ipython().run_line_magic('{name}', '''{line}''')",
    "with %%time": "%%time\nvalue = %{magic}",
    "with %%capture": "%%capture out\nvalue = %{magic}",
}


def cell(name: str, context: str) -> str:
    line, _ = LINES[name]
    return (
        CONTEXTS[context].replace("{magic}", f"{name} {line}").replace("{name}", name).replace("{line}", line)
    )


def test_in_every_context_of_a_shell(rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_notebook(rapyer_redis_url, monkeypatch, SETUP) as opened:
        for name in LINES:
            for context in CONTEXTS:
                opened.run("value = None")
                opened.run(cell(name, context))
                assert opened.run(LINES[name][1]), f"{name} {context}"


def test_with_all_cells_queued(rapyer_redis_url: str) -> None:
    cells = [
        f"import os\nos.environ['RAPYER_REDIS_URL'] = {rapyer_redis_url!r}\n%load_ext rapyer_nb",
        "import redis\nwith redis.Redis.from_url(os.environ['RAPYER_REDIS_URL']) as c:\n    c.flushall()",
        SETUP,
    ]
    for name in LINES:
        for context in CONTEXTS:
            cells += ["value = None", cell(name, context), f"assert {LINES[name][1]}, value"]
    runs: list[Any] = run_queued(cells, timeout=100)
    assert all(run.ok for run in runs), report(runs)

"""`%rapyer_snapshot`, `%rapyer_diff`, `%rapyer_restore` as a user sees them, and their equals in Python."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import replace
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import pytest
import redis
from pydantic import Field

import rapyer_nb
from rapyer import AtomicRedisModel, FifoTies, apipeline
from rapyer.errors import KeyNotFound
from rapyer.types import RedisPriorityQueue, RedisSet
from rapyer_nb.errors import NotebookError
from rapyer_nb.snapshots import Scope, compare, plan_of, put_back, take
from rapyer_nb.snapshots import restoring as restoring_module
from tests.nb.notebook import MODELS, Notebook
from tests.nb.queued_cells import kernel

if TYPE_CHECKING:
    from rapyer.session.clients import ClientSource

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"


class SnapAddress(AtomicRedisModel):
    city: str = "Paris"
    lines: list[str] = []


class SnapUser(AtomicRedisModel):
    name: str = ""
    score: int = 0
    address: SnapAddress = Field(default_factory=SnapAddress)
    facts: dict[str, float] = {}
    tags: RedisSet[str] = Field(default_factory=RedisSet)
    jobs: RedisPriorityQueue[str] = Field(default_factory=RedisPriorityQueue)
    inbox: Annotated[RedisPriorityQueue[str], FifoTies] = Field(default_factory=RedisPriorityQueue)


class SnapColour(Enum):
    RED = "red"
    BLUE = "blue"


class SnapThing(AtomicRedisModel):
    colour: SnapColour = SnapColour.RED
    colours: dict[str, SnapColour] = {}
    day: date = date(2024, 1, 1)
    tags: RedisSet[str] = Field(default_factory=RedisSet)


class SnapOther(AtomicRedisModel):
    name: str = ""


@pytest.fixture
async def user(source: ClientSource) -> SnapUser:
    """A model with everything beside it, and an end."""
    user = await SnapUser(name="Ada", facts={"pi": 3.14, "one": 1.0}).asave()
    await user.tags.aadd_many(["a", "b", "ü"])
    await user.jobs.apush("first", 1.5)
    await user.jobs.apush("second", 2)
    for word in ("x", "y", "z"):
        await user.inbox.apush(word, 7)
    await user.aset_ttl(1000)
    return user


async def everything(source: ClientSource) -> dict[str, Any]:
    """Return all that the server holds, but for the times to live."""
    client, found = source.client(), {}
    for key in sorted(await client.keys("*")):
        kind = await client.type(key)
        if kind == "ReJSON-RL":
            found[key] = json.loads(await client.execute_command("JSON.GET", key))
        elif kind == "set":
            found[key] = sorted(await client.smembers(key))
        elif kind == "zset":
            found[key] = await client.zrange(key, 0, -1, withscores=True)
        else:
            found[key] = kind
    return found


# --- the magics -------------------------------------------------------------------------------------------


def test_snapshot_change_diff_restore(notebook: Notebook) -> None:
    shown = notebook.cell("%rapyer_snapshot before User")
    assert "snapshot 'before': 2 documents of User, taken at" in shown.text
    notebook.run("ada.age += 1\nawait ada.asave()\nawait bob.adelete()\neve = await User(name='Eve').asave()")
    shown = notebook.cell("%rapyer_diff before")
    assert "before → now: 1 changed, 1 gone, 1 new, 0 the same" in shown.text
    assert f"~ {notebook['ada'].key}  changed\n    ~ age: 36 → 37" in shown.text
    assert f"- {notebook['bob'].key}  gone" in shown.text
    assert f"+ {notebook['eve'].key}  new" in shown.text
    assert '<del class="rapyer-removed">36</del> → <ins class="rapyer-added">37</ins>' in shown.html

    shown = notebook.cell("%rapyer_restore before --dry-run")
    assert (
        "dry run, nothing was written; restore 'before': 1 back to what they were, 1 created again"
        in shown.text
    )
    assert "~ age: 37 → 36" in shown.text
    assert "1 document newer than the snapshot kept; --delete-new deletes them" in shown.text
    assert notebook.run("(await User.aget(ada.key)).age") == 37

    shown = notebook.cell("%rapyer_restore before --yes")
    assert "restored 2 documents from 'before'" in shown.text
    assert notebook.run("(await User.aget(ada.key)).age, (await User.aget(bob.key)).name") == (36, "Bob")
    assert notebook.run("(await User.aget(eve.key)).name") == "Eve"
    shown = notebook.cell("%rapyer_restore before --yes --delete-new")
    assert "restored 1 document" in shown.text
    assert isinstance(notebook.cell("await User.aget(eve.key)").error, KeyNotFound)
    assert "no difference in 2 documents" in notebook.cell("%rapyer_diff before").text
    assert notebook.cell("%rapyer_restore before").text.strip() == "restore 'before': nothing to do"
    assert notebook.run("len(await User.afind(User.age == 36))") == 1


def test_it_asks_before_it_writes(notebook: Notebook, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    answers = iter(["n", "Y"])

    def answer(question: str = "") -> str:
        asked.append(question)
        return next(answers)

    monkeypatch.setattr("builtins.input", answer)
    notebook.run("%rapyer_snapshot before User;")
    notebook.run("await ada.aupdate(age=1)")
    shown = notebook.cell("%rapyer_restore before")
    assert asked == ["restore 'before': 1 back to what they were. Go on? [y/N] "]
    assert "~ age: 1 → 36" in shown.text
    assert "nothing was restored" in shown.text
    assert notebook.run("(await User.aget(ada.key)).age") == 1
    assert "restored 1 document" in notebook.cell("%rapyer_restore before").text
    assert notebook.run("(await User.aget(ada.key)).age") == 36


def test_where_nobody_can_be_asked_it_says_so_and_writes_nothing(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody(question: str = "") -> str:
        raise NotImplementedError("raw_input was called, but this frontend does not support input requests.")

    monkeypatch.setattr("builtins.input", nobody)
    notebook.run("%rapyer_snapshot before User;")
    notebook.run("await ada.aupdate(age=1)")
    shown = notebook.cell("%rapyer_restore before")
    assert str(shown.error) == (
        "%rapyer_restore: there is nobody to ask: restore 'before': 1 back to what they were. Go on?; "
        "add --yes to do it without asking"
    )
    assert "~ age: 1 → 36" in shown.text
    assert notebook.run("(await User.aget(ada.key)).age") == 1


def test_what_changes_while_it_asks_is_left_alone_and_reported(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch, server: redis.Redis
) -> None:
    notebook.run("%rapyer_snapshot before User;")
    notebook.run("await ada.aupdate(age=1)\nawait bob.aupdate(age=2)")

    def meanwhile(question: str = "") -> str:
        server.json().set(notebook["ada"].key, "$.age", 99)
        return "yes"

    monkeypatch.setattr("builtins.input", meanwhile)
    shown = notebook.cell("report = %rapyer_restore before\nreport")
    assert "restored 1 document from 'before'" in shown.text
    assert (
        f"⚠ 1 document changed meanwhile and left alone ({notebook['ada'].key}); run it again" in shown.text
    )
    assert notebook.run("(await User.aget(ada.key)).age, (await User.aget(bob.key)).age") == (99, 12)
    assert notebook["report"].changed == (notebook["ada"].key,)


def test_lists_replacing_and_dropping(notebook: Notebook) -> None:
    assert "no snapshots; %rapyer_snapshot NAME takes one" in notebook.cell("%rapyer_snapshot").text
    notebook.run("%rapyer_snapshot one User;")
    notebook.run("%rapyer_snapshot two ada;")
    text = notebook.cell("%rapyer_snapshot").text
    assert "one" in text
    assert "two" in text
    assert "2 snapshots" in text
    text = notebook.cell("%rapyer_snapshot one User").text
    assert "there is a snapshot 'one' already, taken at" in text
    assert "choose another name, or --replace it" in text
    notebook.run("%rapyer_snapshot one User --replace")
    assert "dropped snapshot 'one'" in notebook.cell("%rapyer_snapshot one --drop").text
    assert "1 snapshot" in notebook.cell("%rapyer_snapshot").text


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("%rapyer_diff befor", "NotebookError: there is no snapshot 'befor'; did you mean 'before'?"),
        ("%rapyer_restore zzz --yes", "NotebookError: there is no snapshot 'zzz'; there are before"),
        ("%rapyer_snapshot x Usr", "NotebookError: unknown model 'Usr'; did you mean 'User'?"),
        ("%rapyer_snapshot x number", "NotebookError: 'number' is an int, not a model class"),
        ("%rapyer_snapshot --drop", "NotebookError: %rapyer_snapshot: a name is missing"),
        (
            "%rapyer_restore before --yess",
            "NotebookError: %rapyer_restore: unknown option '--yess'; did you mean",
        ),
        ("%rapyer_diff", "NotebookError: %rapyer_diff: the following arguments are required: NAME"),
    ],
)
def test_mistakes_are_one_line(notebook: Notebook, cell: str, message: str) -> None:
    notebook.run("number = 3\n%rapyer_snapshot before User")
    text = notebook.cell(cell).text.strip()
    assert text.startswith(message)
    assert "\n" not in text


def test_of_single_models_nothing_else_is_touched(notebook: Notebook) -> None:
    notebook.run("%rapyer_snapshot mine ada")
    notebook.run("await ada.aupdate(age=1)\nawait bob.aupdate(age=1)\nawait User(name='Eve').asave()")
    shown = notebook.cell("%rapyer_restore mine --yes --delete-new")
    assert "restored 1 document" in shown.text
    assert notebook.run("(await User.aget(ada.key)).age, (await User.aget(bob.key)).age") == (36, 1)
    assert notebook.run("%rapyer_find User --count") == 3


def test_two_snapshots_are_compared_without_redis(notebook: Notebook, server: redis.Redis) -> None:
    notebook.run("%rapyer_snapshot one User;\nawait ada.aupdate(age=1)\n%rapyer_snapshot two User;")
    server.flushall()
    assert "one → two: 1 changed, 1 the same" in notebook.cell("%rapyer_diff one two").text
    assert "two → one: 1 changed" in notebook.cell("x = %rapyer_diff two one\nx").text


@pytest.mark.parametrize("way", ["%%time\n", "%%capture shown\n"])
def test_under_other_cell_magics_and_in_functions(notebook: Notebook, way: str) -> None:
    shown = notebook.cell(f"{way}%rapyer_snapshot before User;")
    assert shown.error is None, shown.text
    notebook.run("def f():\n    changes = %rapyer_diff before\n    return len(changes)\nn = f()")
    assert notebook["n"] == 0


def test_hostile_values_are_escaped_and_capped(notebook: Notebook) -> None:
    notebook.run("%rapyer_snapshot before User;")
    notebook.run(f"await ada.aupdate(name={HOSTILE!r} + 'x' * 100_000, tags=['t'] * 10_000)")
    shown = notebook.cell("%rapyer_diff before")
    assert "<img" not in shown.html
    assert "\x1b" not in shown.html + shown.text
    assert "… 9,989 more" in shown.text
    assert len(shown.html) < 12_000


def test_another_connection_can_be_named(notebook: Notebook, rapyer_redis_url: str) -> None:
    other = f"{rapyer_redis_url}?db=1"
    notebook.run(f"url = {other!r}\n%rapyer_connect $url --alias other\n%rapyer_connect default")
    notebook.run("%rapyer_snapshot there User --alias other")
    assert notebook.run("%rapyer_diff there --alias other").summary() == (
        "there → now: no difference in 0 documents"
    )
    shown = notebook.cell("%rapyer_diff there")
    away, here = (
        notebook.run(f"%rapyer_snapshot --replace {name}").server for name in ("a --alias other", "b")
    )
    assert away != here
    assert f"there ({away}) → now ({here}): 2 new, 0 the same" in shown.text
    assert "⚠ these are two servers: what differs need not have changed" in shown.text
    assert "these are two servers" in shown.html
    assert f"a ({away}) → b ({here}): 2 new, 0 the same" in notebook.cell("%rapyer_diff a b").text
    shown = notebook.cell("%rapyer_restore there --yes --delete-new")
    assert "go there with --alias or %rapyer_connect, or add --elsewhere" in shown.text
    assert notebook.run("len(await User.afind())") == 2
    notebook.run("%rapyer_snapshot here User")
    shown = notebook.cell("%rapyer_restore here --yes --elsewhere --alias other")
    assert "restored 2 documents" in shown.text
    with redis.Redis.from_url(other) as server:
        assert server.dbsize() == 2
        server.flushdb()


def test_nothing_of_the_password_is_shown(notebook: Notebook) -> None:
    shown = notebook.cell("s = %rapyer_snapshot before User\ns.server, s")
    assert "***" in shown.text or "@" not in shown.text


@pytest.mark.parametrize(("answer", "age"), [("yes", 36), ("no", 1), (None, 1)])
def test_it_asks_in_a_real_kernel(rapyer_redis_url: str, answer: str | None, age: int) -> None:
    questions: list[str] = []
    with kernel(env=os.environ | {"RAPYER_REDIS_URL": rapyer_redis_url}) as (_, client):

        def replied(message: dict[str, Any]) -> None:
            questions.append(message["content"]["prompt"])
            client.input(answer)

        def run(source: str) -> Any:
            with_stdin = answer is not None
            reply = client.execute_interactive(
                source,
                timeout=60,
                allow_stdin=with_stdin,
                stdin_hook=replied,
                output_hook=lambda message: None,
                user_expressions={"age": "age"},
            )
            return reply["content"]

        run("%load_ext rapyer_nb")
        run(MODELS)
        run("%rapyer_snapshot before ada")
        run("await ada.aupdate(age=1)")
        reply = run("%rapyer_restore before")
        if answer is None:
            assert "there is nobody to ask" in reply["evalue"]
        else:
            assert questions == ["restore 'before': 1 back to what they were. Go on? [y/N] "]
        reply = run("age = (await User.aget(ada.key)).age")
        assert reply["user_expressions"]["age"]["data"]["text/plain"] == str(age)


# --- in Python ----------------------------------------------------------------------------------------------


async def test_everything_comes_back(source: ClientSource, user: SnapUser) -> None:
    before = await everything(source)
    snapshot = await rapyer_nb.snapshot("before", SnapUser)
    kept = snapshot.documents[user.key]
    assert set(kept.parts) == {"", "tags", "jobs", "inbox"}
    user.name, user.facts = "Bob", {}
    user.address.lines.append("new")
    await user.asave()
    await user.tags.aclear()
    await user.tags.aadd("c")
    await user.jobs.apop()
    await user.inbox.apop()
    await user.inbox.apush("x", 7)
    await source.client().persist(user.key)
    difference = await rapyer_nb.diff(snapshot)
    told = difference.view().text()
    for line in (
        "~ name: 'Ada' → 'Bob'",
        "+ address.lines[0]: 'new'",
        "- facts.pi: 3.14",
        "- tags: 'a'",
        "+ tags: 'c'",
        "- jobs['first']: 1.5",
        "~ TTL: ",
    ):
        assert line in told, line
    report = await rapyer_nb.restore(snapshot)
    assert report.restored == (user.key,)
    assert await everything(source) == before
    assert not await rapyer_nb.diff(snapshot)
    assert [await user.inbox.apop() for _ in range(3)] == ["x", "y", "z"]


async def test_the_time_to_live_comes_back(source: ClientSource, user: SnapUser) -> None:
    client = source.client()
    snapshot = await rapyer_nb.snapshot("before", SnapUser)
    keys = [user.key, *snapshot.documents[user.key].keys.values()]
    await client.persist(user.key)
    await client.expire(user.tags.special_key, 5)
    await rapyer_nb.restore(snapshot)
    for key in keys:
        assert 990 <= await client.ttl(key) <= 1000
    await client.delete(*keys)
    await rapyer_nb.restore(snapshot)
    for key in keys:
        assert 990 <= await client.ttl(key) <= 1000


async def test_what_has_ended_since_lives_as_long_as_it_had_left(
    source: ClientSource, user: SnapUser
) -> None:
    client = source.client()
    keys = [user.key, user.tags.special_key, user.jobs.special_key, user.inbox.special_key]
    for key in keys:
        await client.expire(key, 600)
    snapshot = await rapyer_nb.snapshot("before", SnapUser)
    for key in keys:
        await client.pexpire(key, 1)
    deadline = asyncio.get_running_loop().time() + 60
    while await client.exists(*keys):
        assert asyncio.get_running_loop().time() < deadline
        await asyncio.sleep(0.005)
    report = await rapyer_nb.restore(snapshot)
    assert report.restored == (user.key,)
    for key in keys:
        assert 0 < await client.pttl(key) <= 600_000


async def test_what_stays_without_end_stays_so(source: ClientSource) -> None:
    user = await SnapUser(name="Ada", tags={"a"}).asave()
    snapshot = await rapyer_nb.snapshot("before", user)
    await user.aset_ttl(10)
    await rapyer_nb.restore(snapshot)
    assert await source.client().ttl(user.key) == -1
    assert await source.client().ttl(user.tags.special_key) == -1


async def test_queues_and_sets_of_deleted_models_come_back(source: ClientSource, user: SnapUser) -> None:
    before = await everything(source)
    snapshot = await rapyer_nb.snapshot("before", SnapUser)
    await user.adelete()
    assert await everything(source) == {}
    await rapyer_nb.restore(snapshot)
    assert await everything(source) == before
    again = await SnapUser.aget(user.key)
    assert again.tags == {"a", "b", "ü"}
    assert await again.jobs.apop() == "first"


async def test_a_document_that_is_created_again_meanwhile_is_left_alone(
    source: ClientSource, user: SnapUser
) -> None:
    snapshot = await take(Scope.of([SnapUser]), "before")
    await user.adelete()
    plan = await plan_of(snapshot)
    await source.client().json().set(user.key, "$", {"name": "other"})
    report = await put_back(plan)
    assert report.changed == (user.key,)
    assert await source.client().json().get(user.key) == {"name": "other"}


@pytest.mark.parametrize("part", ["document", "set", "queue"])
async def test_any_change_meanwhile_is_seen(source: ClientSource, user: SnapUser, part: str) -> None:
    snapshot = await take(Scope.of([SnapUser]), "before")
    await user.aupdate(score=5)
    plan = await plan_of(snapshot)
    if part == "document":
        await user.aupdate(score=6)
    elif part == "set":
        await user.tags.aadd("late")
    else:
        await user.jobs.apush("late", 1)
    before = await everything(source)
    report = await put_back(plan)
    assert report.changed == (user.key,)
    assert report.restored == ()
    assert await everything(source) == before


async def test_a_key_that_holds_something_else_is_left_alone(source: ClientSource, user: SnapUser) -> None:
    client = source.client()
    snapshot = await rapyer_nb.snapshot("before", SnapUser)
    await client.delete(user.key)
    await client.set(user.key, "mine")
    report = await rapyer_nb.restore(snapshot)
    assert report.plan.blocked == ((user.key, f"{user.key} holds a string now"),)
    assert f"⚠ {user.key} is left as it is: {user.key} holds a string now" in report.view().text()
    assert await client.get(user.key) == "mine"
    await client.delete(user.key, user.tags.special_key)
    await client.hset(user.tags.special_key, "a", "b")
    report = await rapyer_nb.restore(snapshot)
    assert report.plan.blocked == ((user.key, f"{user.tags.special_key} holds a hash now"),)
    assert not await client.exists(user.key)


async def test_many_documents_and_large_ones(source: ClientSource) -> None:
    users = [SnapUser(name=str(number), tags={str(number)}) for number in range(250)]
    await SnapUser.ainsert(*users)
    big = users[0]
    await source.client().sadd(big.tags.special_key, *(json.dumps(str(n)) for n in range(12_000)))
    await source.client().zadd(big.jobs.special_key, {json.dumps(str(n)): n / 7 for n in range(12_000)})
    before = await everything(source)
    told: list[tuple[int, int]] = []
    snapshot = await take(Scope.of([SnapUser]), "before", told=lambda *so_far: told.append(so_far))
    assert told == [(100, 250), (200, 250), (250, 250)]
    await SnapUser.adelete_many(*users)
    told.clear()
    await put_back(await plan_of(snapshot), told=lambda *so_far: told.append(so_far))
    assert told == [(50 * number, 250) for number in range(1, 6)]
    assert await everything(source) == before


async def test_values_that_do_not_fit_the_class_are_kept_too(source: ClientSource) -> None:
    await source.client().json().set("SnapUser:odd", "$", {"score": "no number", "more": [True, 1, 1.0]})
    snapshot = await rapyer_nb.snapshot("before", SnapUser)
    await source.client().json().set("SnapUser:odd", "$.more[0]", 1)
    told = (await rapyer_nb.diff(snapshot)).view().text()
    assert "~ more[0]: True → 1" in told
    await rapyer_nb.restore(snapshot)
    assert await source.client().json().get("SnapUser:odd") == {"score": "no number", "more": [True, 1, 1.0]}


async def test_values_that_are_stored_whole_are_shown_as_python_sees_them(source: ClientSource) -> None:
    item = await SnapThing(colour=SnapColour.RED, colours={"a": SnapColour.RED}, day=date(2024, 1, 2)).asave()
    snapshot = await rapyer_nb.snapshot("before", SnapThing)
    item.colour, item.day = SnapColour.BLUE, date(2025, 1, 2)
    item.colours["a"] = SnapColour.BLUE
    await item.asave()
    told = (await rapyer_nb.diff(snapshot)).view().text()
    for line in (
        "~ colour: SnapColour.RED → SnapColour.BLUE",
        "~ colours.a: SnapColour.RED → SnapColour.BLUE",
        "~ day: 2024-01-02 → 2025-01-02",
    ):
        assert line in told, told
    await source.client().json().set(item.key, "$.colour", "gARsomething")
    assert "SnapColour.RED" in (await rapyer_nb.diff(snapshot)).view().text()
    await rapyer_nb.restore(snapshot)
    assert (await SnapThing.aget(item.key)).colour is SnapColour.RED


async def test_members_that_are_no_text_come_back(source: ClientSource, user: SnapUser) -> None:
    key = user.tags.special_key
    await source.client().sadd(key, b"\xff\xfe")
    snapshot = await rapyer_nb.snapshot("before", SnapUser)
    await source.client().delete(key)
    assert "- tags: " in (await rapyer_nb.diff(snapshot)).view().text()
    await rapyer_nb.restore(snapshot)
    assert await source.client().scard(key) == 4
    assert await source.client().sismember(key, b"\xff\xfe")


async def test_inside_of_a_pipeline_it_is_done_at_once(source: ClientSource, user: SnapUser) -> None:
    snapshot = await rapyer_nb.snapshot("before", SnapUser)
    await user.aupdate(score=5)
    async with apipeline():
        await rapyer_nb.restore(snapshot)
        assert (await SnapUser.aget(user.key)).score == 0


async def test_snapshots_of_other_models_are_not_compared(source: ClientSource, user: SnapUser) -> None:
    one = await rapyer_nb.snapshot("one", SnapUser)
    two = await rapyer_nb.snapshot("two", SnapOther)
    with pytest.raises(NotebookError, match="'one' is of SnapUser, 'two' of SnapOther; compare snapshots of"):
        compare(one, two)
    both = await rapyer_nb.snapshot("both", SnapUser, SnapOther)
    assert not compare(one, both)


async def test_another_server_needs_a_word(source: ClientSource, user: SnapUser) -> None:
    snapshot = replace(await rapyer_nb.snapshot("before", SnapUser), server="redis://other:6379/0")
    await user.aupdate(score=5)
    with pytest.raises(
        NotebookError, match="'before' is of redis://other:6379/0, and its models are on .* now; "
    ):
        await rapyer_nb.restore(snapshot)
    assert (await rapyer_nb.restore(snapshot, elsewhere=True)).restored == (user.key,)


async def test_names_need_a_notebook(source: ClientSource) -> None:
    with pytest.raises(NotebookError, match="no notebook that keeps a snapshot 'before'; give the snapshot"):
        await rapyer_nb.diff("before")


async def test_a_cancelled_restore_leaves_each_document_whole(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [SnapUser(name=str(number), tags={"old"}) for number in range(120)]
    await SnapUser.ainsert(*users)
    snapshot = await take(Scope.of([SnapUser]), "before")
    for user in users:
        user.name = "new"
        user.tags.clear()
    await SnapUser.ainsert(*users)
    await asyncio.gather(*(user.tags.aclear() for user in users))
    plan = await plan_of(snapshot)
    monkeypatch.setattr(restoring_module, "_CHUNK", 5)
    seen: list[int] = []

    def told(done: int, total: int) -> None:
        seen.append(done)
        if len(seen) == 3:
            task.cancel()

    task = asyncio.ensure_future(put_back(plan, told=told))
    with pytest.raises(asyncio.CancelledError):
        await task
    after = await SnapUser.afind(*(user.key for user in users))
    states = {(user.name != "new", user.tags == {"old"}) for user in after}
    assert states == {(True, True), (False, False)}

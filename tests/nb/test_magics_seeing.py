"""`%rapyer_models`, `%rapyer_schema`, `%rapyer_keys`, `%rapyer_info`, `%rapyer_memory`, and their equals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import pytest
from pydantic import BaseModel, Field
from redis.asyncio import Redis

import rapyer_nb
from rapyer import ActionGroup, AtomicRedisModel, Index, RedisConfig
from rapyer.fields.cascade import CascadeTTL
from rapyer.session.clients import ClientSource
from rapyer.session.using import using
from rapyer.types import RedisSet, Reference
from rapyer_nb.seeing.keyspace import life
from rapyer_nb.seeing.servers import NodeInfo
from rapyer_nb.views.diagram import Arrow, Diagram
from tests.nb.notebook import MODELS, Notebook, open_notebook
from tests.nb.queued_cells import report, run_queued

if TYPE_CHECKING:
    from pathlib import Path

    from rapyer_nb.server import EmbeddedServer

HOSTILE = "<img src=x onerror=alert(1)>\x1b[31m"

CLASSES = """
from pydantic import BaseModel, Field
from rapyer import RedisConfig
from rapyer.session.using import using
from rapyer.types import RedisSet, Reference

class Address(BaseModel):
    city: Index[str] = ""

class Team(AtomicRedisModel):
    name: Index[str] = ""
    leader: Reference["Member"] | None = None
    Meta = RedisConfig(ttl=7200)

class Member(AtomicRedisModel):
    team: Reference[Team] | None = None
    address: Address = Address()
    tags: RedisSet[str] = Field(default_factory=RedisSet)

team = await Team(name="x").asave()
member = await Member(team=team.key, tags={"a", "b"}).asave()
"""


class SeenPlace(BaseModel):
    city: Index[str] = ""
    streets: list[str] = []


class SeenTeam(AtomicRedisModel):
    name: Index[str] = ""
    rivals: list[Reference[SeenTeam]] = []

    Meta: ClassVar[RedisConfig] = RedisConfig(ttl=60, refresh_ttl=ActionGroup.UPDATE | ActionGroup.CREATE)


class SeenMember(AtomicRedisModel):
    name: str = Field(description="what people say")
    team: Reference[SeenTeam] | None = None
    places: list[SeenPlace] = []
    tags: RedisSet[str] = Field(default_factory=RedisSet)
    secret: str = Field(default="", exclude=True)
    born: Index[int] = 0


class SeenCascading(AtomicRedisModel):
    team: Annotated[Reference[SeenTeam] | None, CascadeTTL()] = None

    Meta: ClassVar[RedisConfig] = RedisConfig(ttl=60)


class SeenNode(AtomicRedisModel):
    parent: Reference["SeenNode"] | None = None  # noqa: UP037 - the quotes are what is tested
    others: list[Reference["SeenNode"]] = []  # noqa: UP037 - as above


class SeenPlain(AtomicRedisModel):
    word: str = ""


@pytest.fixture
async def raw(source: ClientSource) -> Redis:
    return source.client()


# Models ----------------------------------------------------------------------------------------------------


def test_models_are_listed_with_what_is_known_of_them(notebook: Notebook) -> None:
    notebook.run(CLASSES)
    shown = notebook.cell("there = %rapyer_models User Team Member\nthere")
    assert shown.error is None, shown.text
    for words in (
        "model   documents  index ",
        "User    2          missing  name, age, status",
        "2 h, renewed by every operation",
        "3 models, 4 documents on ",
        "%rapyer_index plan tells what is to be done",
    ):
        assert words in shown.text, words
    there = notebook["there"]
    assert there["User"].documents == 2
    assert there["User"].ttl is None
    assert there["Team"].ttl == 7200
    assert there["Member"].indexed == ("address.city",)
    notebook.run("%rapyer_index apply User Team")
    again = notebook.cell("%rapyer_models User Team")
    assert "User   2          up to date  name, age, status" in again.text
    assert "Member" not in again.text
    assert "%rapyer_index plan" not in again.text


def test_without_models_it_says_so(rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rapyer_nb.magics.seeing.find_redis_models", list)
    with open_notebook(rapyer_redis_url, monkeypatch, "") as notebook:
        assert "no model is defined yet" in notebook.cell("%rapyer_models").text


async def test_models_are_counted_with_and_without_their_index(source: ClientSource, raw: Redis) -> None:
    await SeenTeam.ainsert(*(SeenTeam(name=f"n{number}") for number in range(5)))
    await SeenPlain().asave()
    seen = await rapyer_nb.models(SeenTeam, SeenPlain)
    assert [(row.documents, row.index) for row in seen] == [(5, "missing"), (1, "no indexed field")]
    assert await raw.execute_command("FT._LIST") == []  # type: ignore[no-untyped-call]  # looking makes none
    await SeenTeam.acreate_index()
    assert (await rapyer_nb.models(SeenTeam))["SeenTeam"].documents == 5
    assert (await rapyer_nb.models(SeenTeam))["SeenTeam"].index == "up to date"
    await raw.json().set("SeenTeam:odd", "$", {"name": ["a", {"b": 1}]})
    told = (await rapyer_nb.models(SeenTeam))["SeenTeam"]
    assert told.documents == 6
    assert told.index == "up to date, 1 document not in it"


async def test_the_policy_of_the_time_to_live_is_told(source: ClientSource) -> None:
    (row,) = await rapyer_nb.models(SeenTeam)
    assert (row.ttl, row.renewal, row.prefix) == (60, "renewed by create, update", "SeenTeam:")


# Schema ----------------------------------------------------------------------------------------------------


def test_a_schema_shows_fields_paths_indexes_and_references(notebook: Notebook) -> None:
    notebook.run(CLASSES)
    shown = notebook.cell("made = %rapyer_schema Member\nmade")
    assert shown.error is None, shown.text
    for words in (
        "Member: keys Member:…, index idx:Member, lives until it is deleted",
        "address.city  str                     $.address.city",
        "exact text (TAG)",
        "__rapyer_special__:Member:…:tags",
        "a key of its own",
        "→ Team",
        "└─ team → Team\n   └─ leader → Member (above)",
    ):
        assert words in shown.text, (words, shown.text)
    assert "<svg" in shown.html
    assert "<script" not in shown.html
    assert "Member --> Team : team" in notebook["made"].diagram.mermaid


def test_a_schema_is_the_same_in_python() -> None:
    made = rapyer_nb.schema(SeenMember)
    assert [field.name for field in made] == [
        *("name", "team", "places", "places.city", "places.streets", "tags", "secret", "born")
    ]
    assert made["places.city"].place == "$.places[*].city"
    assert made["places.city"].index == "exact text (TAG)"
    assert made["born"].index == "number (NUMERIC)"
    assert made["born"].default == "0"
    assert made["name"].notes == "what people say"
    assert made["secret"].place == ""
    assert made["secret"].notes == "not stored"
    assert made["team"].type == "Reference[SeenTeam] | None"
    assert made["team"].targets == ("SeenTeam",)
    assert made["tags"].default == "RedisSet()"
    assert made.diagram.boxes == {
        "SeenMember": [Arrow("team", "SeenTeam")],
        "SeenTeam": [Arrow("rivals", "SeenTeam")],
    }


def test_a_class_without_references_has_no_drawing() -> None:
    made = rapyer_nb.schema(SeenPlain)
    assert "<svg" not in made.html()
    assert "References" not in made.text()
    assert "no index" in made.text()


def test_a_class_that_comes_later_is_told_by_its_name() -> None:
    made = rapyer_nb.schema(SeenNode)
    assert [field.type for field in made] == ["Reference[SeenNode] | None", "list[Reference[SeenNode]]"]


def test_a_field_that_passes_its_time_on_says_so() -> None:
    made = rapyer_nb.schema(SeenCascading)
    assert made["team"].notes == "→ SeenTeam, passes the TTL on"


def test_a_drawing_goes_on_where_arrows_turn_back() -> None:
    drawn = Diagram("a", {"a": [Arrow("x", "b"), Arrow("self", "a")], "b": [Arrow("back", "a")]}, "a to b")
    assert drawn.text() == "a\n├─ x → b\n│  └─ back → a (above)\n└─ self → a (above)"
    assert drawn.body().count("<path") == 3
    assert drawn.body().count("<rect") == 4
    assert 'aria-label="a to b"' in drawn.body()


def test_a_hostile_name_in_a_drawing_is_escaped() -> None:
    drawn = Diagram(HOSTILE, {HOSTILE: [Arrow(HOSTILE, HOSTILE)]}, HOSTILE)
    assert "<img" not in drawn.html()
    assert "\x1b" not in drawn.html() + drawn.text() + drawn.mermaid


def test_a_huge_graph_is_cut() -> None:
    boxes = {f"c{number}": [Arrow("next", f"c{number + 1}")] for number in range(1000)}
    drawn = Diagram("c0", boxes, "a chain")
    assert drawn.body().count("rapyer-head") == 40 + 1  # and once in the style
    assert len(drawn.text().splitlines()) == 41


# Keys ------------------------------------------------------------------------------------------------------


def test_keys_are_shown_with_types_classes_lives_and_sizes(notebook: Notebook) -> None:
    notebook.run(CLASSES)
    shown = notebook.cell("found = %rapyer_keys\nfound")
    assert shown.error is None, shown.text
    assert "key " in shown.text and "TTL" in shown.text and "memory" in shown.text
    assert "5 keys; 5 keys on the server, " in shown.text
    rows = {row.key: row for row in notebook["found"]}
    team, member = notebook["team"].key, notebook["member"].key
    assert (rows[team].kind, rows[team].model) == ("ReJSON-RL", "Team")
    assert 7100 < rows[team].seconds <= 7200
    assert rows[member].seconds is None
    assert rows[f"__rapyer_special__:{member}:tags"].model == "Member"
    assert rows[f"__rapyer_special__:{member}:tags"].kind == "set"
    assert all(row.size > 0 for row in rows.values())


@pytest.mark.parametrize(
    ("line", "number"), [("Member", 2), ("Member:*", 1), ("User", 2), ("nothing*", 0), ("$glob", 2)]
)
def test_a_pattern_is_a_glob_or_a_class(notebook: Notebook, line: str, number: int) -> None:
    notebook.run(CLASSES)
    notebook.run("glob = 'User:*'")
    shown = notebook.cell(f"%rapyer_keys {line}")
    assert shown.error is None, shown.text
    assert len(shown.value) == number
    if not number:
        assert "no key matches; 5 keys on the server" in shown.text


def test_a_limit_ends_the_search(notebook: Notebook) -> None:
    notebook.run("await User.ainsert(*(User(name=str(n)) for n in range(50)))")
    few = notebook.cell("%rapyer_keys User --limit 3")
    assert len(few.value) == 3
    assert not few.value.complete
    assert "3 keys, and there are more (--limit N, --all); 52 keys on the server" in few.text
    assert len(notebook.run("%rapyer_keys User")) == 20
    everything = notebook.cell("%rapyer_keys User --all")
    assert len(everything.value) == 52
    assert "52 keys (first 20 shown)" in everything.text
    notebook.run("%config RapyerMagics.display_limit = 5")
    assert len(notebook.run("%rapyer_keys User")) == 5


async def test_keys_are_the_same_in_python(source: ClientSource, raw: Redis) -> None:
    member = await SeenMember(name="a", tags={"x"}).asave()
    other = await SeenPlain().asave()
    await raw.set("odd", "1", ex=50)
    assert {row.key for row in await rapyer_nb.keys(SeenMember)} == {
        member.key,
        f"__rapyer_special__:{member.key}:tags",
    }
    found = await rapyer_nb.keys("[oS]*", limit=10)
    assert [row.key for row in found] == sorted([member.key, other.key, "odd"])
    odd = next(row for row in found if row.key == "odd")
    assert (odd.kind, odd.model) == ("string", "")
    assert odd.seconds is not None and 40 < odd.seconds <= 50


async def test_looking_reads_no_value_and_renews_nothing(source: ClientSource, raw: Redis) -> None:
    team = await SeenTeam().asave()
    await raw.pexpire(team.key, 30_000)
    with rapyer_nb.trace() as trace:
        await rapyer_nb.keys(SeenTeam)
        await rapyer_nb.memory(SeenTeam)
        await rapyer_nb.models(SeenTeam)
    names = {sent.name for sent in trace.commands}
    assert not {name for name in names if name.startswith("JSON")}
    assert await raw.pttl(team.key) <= 30_000


def test_a_key_that_is_no_text_and_a_hostile_one_are_shown_safely(notebook: Notebook) -> None:
    notebook.run(
        "from rapyer.model.registry import registry\n"
        "client = registry.source_for(User).client()\n"
        f"await client.set({HOSTILE!r}, 1)\n"
        "await client.set(b'\\xff\\xfe', 1)\n"
        "await client.set('k' * 10_000, 'v' * 100_000)"
    )
    shown = notebook.cell("%rapyer_keys")
    assert shown.error is None, shown.text
    assert "<img" not in shown.html
    assert "\x1b[31m" not in shown.html + shown.text
    assert len(shown.html) < 10_000
    assert len(shown.text) < 2_000


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%rapyer_keys User --limit 3 --all", "--all and --limit exclude each other; leave one out"),
        ("%rapyer_keys --limt 3", "%rapyer_keys: unknown option '--limt'; did you mean '--limit'?"),
        ("%rapyer_models Usr", "unknown model 'Usr'; did you mean 'User'?"),
        ("%rapyer_schema Usr", "unknown model 'Usr'; did you mean 'User'?"),
        ("%rapyer_memory --sample none", "a positive whole number is needed, not 'none'"),
    ],
)
def test_mistakes_are_one_line(notebook: Notebook, line: str, message: str) -> None:
    shown = notebook.cell(line)
    assert message in shown.text
    assert len(shown.text.strip().splitlines()) == 1


# Memory and the server ---------------------------------------------------------------------------------------


def test_memory_is_told_by_class(notebook: Notebook) -> None:
    notebook.run(CLASSES)
    notebook.run("big = await User(name='n', tags=['x' * 50_000]).asave()\n%rapyer_index apply User")
    shown = notebook.cell("used = %rapyer_memory\nused")
    assert shown.error is None, shown.text
    used = notebook["used"]
    assert [row.name for row in used][0] == "User"
    assert used["User"].documents == 3
    assert used["User"].bytes > 50_000
    assert used["User"].largest == notebook["big"].key
    assert used["User"].index_bytes > 0
    assert used["Member"].beside == 1
    assert "for 6 keys on " in shown.text
    assert "≈" not in shown.text


async def test_what_a_lock_leaves_is_no_document(source: ClientSource, raw: Redis) -> None:
    member = await SeenMember(name="a", tags={"x"}).asave()
    async with member.alock():
        pass
    keys = await raw.dbsize()
    assert keys > 2  # the lock has left something
    row = (await rapyer_nb.memory())["SeenMember"]
    assert (row.documents, row.beside) == (1, keys - 1)
    assert row.mean == row.bytes
    assert (await rapyer_nb.models(SeenMember))["SeenMember"].documents == row.documents


async def test_memory_can_be_estimated_by_a_sample(source: ClientSource, raw: Redis) -> None:
    await SeenPlain.ainsert(*(SeenPlain(word="w" * 100) for _ in range(40)))
    await raw.set("odd", "x" * 1000)
    whole = await rapyer_nb.memory()
    part = await rapyer_nb.memory(SeenPlain, sample=10)
    assert [row.name for row in part] == ["SeenPlain"]
    assert part["SeenPlain"].measured == 10
    assert part["SeenPlain"].estimated
    assert whole["SeenPlain"].measured == 40
    assert abs(part["SeenPlain"].bytes / whole["SeenPlain"].bytes - 1) < 0.05
    assert "≈ is scaled up from a sample" in part.text()
    assert whole["(other keys)"].documents == 1
    assert whole["(other keys)"].bytes > 1000


def test_the_server_is_described(notebook: Notebook) -> None:
    shown = notebook.cell("%rapyer_info")
    assert shown.error is None, shown.text
    for words in (
        "1 server: ",
        "Redis",
        "standalone, master",
        "ReJSON",
        "memory limit",
        "2 in this database",
    ):
        assert words in shown.text, words
    assert "rapyer-nb" in shown.text
    assert shown.value.nodes[0].fields["redis_version"] in shown.text
    assert "from RAPYER_REDIS_URL" in shown.text


async def test_the_server_is_the_same_in_python(source: ClientSource) -> None:
    await SeenPlain().asave()
    told = await rapyer_nb.info()
    (node,) = told.nodes
    assert node.keys == 1
    assert node.address == source.describe()
    assert node.modules is not None and {"ReJSON", "search"} <= set(node.modules)
    assert told.warnings == []


def test_no_password_is_shown(
    notebook: Notebook, second: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = second.url.partition("://:")[2].partition("@")[0]
    assert password
    notebook.shell.user_ns["url"] = second.url
    notebook.run("%rapyer_connect $url --alias other\n%rapyer_connect default")
    for line in (
        "%rapyer_info",
        "%rapyer_models User",
        "%rapyer_memory",
        "%rapyer_keys",
        "%rapyer_schema User",
    ):
        shown = notebook.cell(f"{line} --alias other")
        assert shown.error is None, shown.text
        assert password not in shown.text + shown.html + repr(shown.value)
    assert notebook.run("%rapyer_keys --alias other").stored == 0
    assert notebook.run("%rapyer_keys").stored == 2


async def test_a_user_who_may_not_ask_sees_what_he_may(source: ClientSource, raw: Redis) -> None:
    await raw.acl_setuser(
        "looker", enabled=True, nopass=True, keys=["*"], categories=["+@all"], commands=["-info", "-module"]
    )
    try:
        path: Any = raw.connection_pool.connection_kwargs.get("path")
        limited = Redis(unix_socket_path=path, username="looker", password="x")
        with using(ClientSource.from_client(limited)):
            told = await rapyer_nb.info()
        await limited.aclose()
    finally:
        await raw.acl_deluser("looker")
    (node,) = told.nodes
    assert (node.fields, node.modules, node.keys) == ({}, None, 0)
    assert "this user may not ask (INFO)" in told.text()


def test_what_could_do_harm_is_said() -> None:
    fields = {
        "maxmemory": "1000",
        "maxmemory_policy": "allkeys-lru",
        "used_memory": "950",
        "rdb_last_bgsave_status": "err",
    }
    node = NodeInfo("redis://h", fields, {"ReJSON": 20803}, 3)
    assert node.warnings == [
        "without the search module",
        "any key is deleted when the memory is full (maxmemory-policy allkeys-lru)",
        "95% of the memory is used",
        "the last snapshot to disk failed",
    ]
    assert dict(node.rows())["modules"] == "ReJSON 2.8.3"


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(None, ""), (1.4, "1 s"), (60, "60 s"), (120, "2 min"), (7200, "2 h"), (200_000, "2 d")],
)
def test_lives_are_told_in_round_numbers(seconds: float | None, told: str) -> None:
    assert life(seconds) == told


# Where magics may stand ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        "for _ in range(2):\n    seen = %rapyer_models User\nseen",
        "def look():\n    seen = %rapyer_models User\n    return seen\nlook()",
        "async def look():\n    seen = %rapyer_models User\n    return seen\nawait look()",
        "get_ipython().run_line_magic('rapyer_models', 'User')",
    ],
)
def test_they_work_wherever_a_magic_may_stand(notebook: Notebook, cell: str) -> None:
    shown = notebook.cell(cell)
    assert shown.error is None, shown.text
    assert shown.value["User"].documents == 2


def test_they_work_when_all_cells_are_queued(rapyer_redis_url: str, tmp_path: Path) -> None:
    lines = ["models", "schema User", "keys", "info", "memory", "index plan"]
    runs = run_queued(
        [f"import os\nos.environ['REDIS_URL'] = {rapyer_redis_url!r}\n%load_ext rapyer_nb", MODELS]
        + [f"%rapyer_{line}" for line in lines]
        + [f"%time seen = %rapyer_{lines[0]}"],
        cwd=tmp_path,
    )
    assert all(run.ok for run in runs), report(runs)
    for run in runs[2:-1]:
        assert "text/html" in run.outputs[-1], run.source
    assert "Wall time" in runs[-1].text

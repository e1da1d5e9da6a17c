"""What an index survives: indexes of others by its name, ends in the middle, and servers that do not help."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from redis.exceptions import NoPermissionError

import rapyer
from rapyer import AtomicRedisModel
from rapyer.codec.replies import text
from rapyer.commands import search
from rapyer.errors import NotIndexedError
from rapyer.fields import Index, Key
from rapyer.model.registry import registry
from rapyer.search import migrate
from rapyer.search.find import find_keys
from rapyer.search.index import versioned_name
from rapyer.session.clients import ClientSource
from rapyer.session.executor import run

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from redis.asyncio import Redis


class SafeShip(AtomicRedisModel):
    code: Annotated[str, Key()]
    crew: Annotated[int, Index()] = 0
    port: str = ""


class SafeShipNext(AtomicRedisModel):
    """The same documents with another schema."""

    code: Annotated[str, Key()]
    crew: int = 0
    port: Annotated[str, Index()] = ""

    @classmethod
    def class_key_initials(cls) -> str:
        return "SafeShip"


class SafeShipPlain(AtomicRedisModel):
    """The same documents, without any index."""

    code: Annotated[str, Key()]

    @classmethod
    def class_key_initials(cls) -> str:
        return "SafeShip"


class SafeWords(AtomicRedisModel):
    said: Annotated[str, Index(text=True, language="english")] = ""


class SafeSounds(AtomicRedisModel):
    said: Annotated[str, Index(text=True, language="english", phonetic="dm:en")] = ""

    @classmethod
    def class_key_initials(cls) -> str:
        return "SafeWords"


NAME, OWN, NEXT = "idx:SafeShip", versioned_name(SafeShip), versioned_name(SafeShipNext)
CREW = ("$.crew", "AS", "crew", "NUMERIC")


@pytest.fixture(autouse=True)
def _only_ship() -> Iterator[None]:
    known = registry._models
    registry._models = {"SafeShip": SafeShip}
    yield
    registry._models = known


async def _ask(raw: Redis, *words: Any) -> Any:
    return await raw.execute_command(*words)  # type: ignore[no-untyped-call]


async def _indexes(raw: Redis) -> list[str]:
    return sorted(name.decode() if isinstance(name, bytes) else name for name in await _ask(raw, "FT._LIST"))


async def _ships(number: int = 20) -> None:
    await SafeShip.ainsert(*(SafeShip(code=str(at), crew=at, port=f"p{at % 2}") for at in range(number)))


async def _keys(cls: type[AtomicRedisModel], where: Any) -> Sequence[str]:
    return await find_keys(cls, where)


async def _init(source: ClientSource, cls: type[AtomicRedisModel] = SafeShip) -> None:
    registry._models = {"SafeShip": cls}
    await rapyer.init_rapyer(source)


OTHERS = {
    "other keys": ("ON", "JSON", "PREFIX", 1, "Fleet:", "SCHEMA", *CREW),
    "more keys": ("ON", "JSON", "PREFIX", 2, "SafeShip:", "Fleet:", "SCHEMA", *CREW),
    "a filter": ("ON", "JSON", "PREFIX", 1, "SafeShip:", "FILTER", "@crew>5", "SCHEMA", *CREW),
    "hashes": ("ON", "HASH", "PREFIX", 1, "SafeShip:", "SCHEMA", *CREW),
}


@pytest.mark.parametrize("alias", [False, True])
@pytest.mark.parametrize("kind", OTHERS)
async def test_an_index_of_others_is_left_alone(
    source: ClientSource, raw: Redis, caplog: pytest.LogCaptureFixture, kind: str, alias: bool
) -> None:
    await _ships()
    other = "mine" if alias else NAME
    await _ask(raw, "FT.CREATE", other, *OTHERS[kind])
    if alias:
        await _ask(raw, "FT.ALIASADD", NAME, other)
    await _init(source)
    assert f"the name {NAME} is left to the index {other}, which is not made for the class" in caplog.text
    assert len(await _keys(SafeShip, SafeShip.crew >= 0)) == 20
    assert await _indexes(raw) == sorted([f"{OWN}:built", other])
    plan = await rapyer.aindex_plan()
    assert not plan
    assert str(plan.indexes[0]).endswith(
        f"up to date, 20 documents, and the name is left to the index {other}, which is not made for the class"
    )
    assert await SafeShip.adelete_index()
    assert await _indexes(raw) == [other]


@pytest.mark.parametrize("flags", [("SORTABLE", "NOINDEX"), ("NOINDEX",)])
async def test_an_index_that_cannot_be_searched_is_not_taken_over(
    source: ClientSource, raw: Redis, flags: tuple[str, ...]
) -> None:
    await _ships()
    await _ask(raw, "FT.CREATE", NAME, "ON", "JSON", "PREFIX", 1, "SafeShip:", "SCHEMA", *CREW, *flags)
    assert (await rapyer.aindex_plan()).indexes[0].differences == ("~ crew: NUMERIC NOINDEX, now NUMERIC",)
    await _init(source)
    assert len(await _keys(SafeShip, SafeShip.crew >= 0)) == 20


async def test_a_text_that_the_server_would_split_is_not_taken_over(source: ClientSource, raw: Redis) -> None:
    await SafeShipNext(code="a", port="Kiel, Bremen").asave()
    tag = ("$.port", "AS", "port", "TAG", "SEPARATOR", ",", "CASESENSITIVE", "INDEXEMPTY")
    await _ask(raw, "FT.CREATE", NAME, "ON", "JSON", "PREFIX", 1, "SafeShip:", "SCHEMA", *tag)
    await _init(source, SafeShipNext)
    assert await _keys(SafeShipNext, SafeShipNext.port == "Kiel, Bremen") == ["SafeShip:a"]


async def test_phonetics_that_are_new_make_a_new_index(source: ClientSource, raw: Redis) -> None:
    await SafeWords(said="Smith").asave()
    await SafeWords.acreate_index()
    await SafeSounds.acreate_index()
    said: Any = SafeSounds.said
    assert await SafeSounds.acount(said.matches("Smith")) == 1
    # The server does not tell whether an index has them, so the name does.
    assert await _indexes(raw) == [f"{versioned_name(SafeSounds)}:built"]
    assert versioned_name(SafeSounds) != versioned_name(SafeWords)


async def test_a_name_that_an_alias_had_before(source: ClientSource, raw: Redis) -> None:
    """rapyer 1.3.6 gives an index the name of an alias, which the alias then comes back to."""
    await _ships()
    await _init(source, SafeShipNext)
    await _init(source)
    await _ask(
        raw, "FT.CREATE", NAME, "ON", "JSON", "PREFIX", 1, "SafeShip:", "SCHEMA", "$.x", "AS", "x", "TEXT"
    )
    await _init(source)
    assert await _indexes(raw) == [f"{OWN}:built"]
    assert not await rapyer.aindex_plan()


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (
            ("$.crew", "AS", "port", "TAG", "CASESENSITIVE", "INDEXEMPTY"),
            "~ port: {0} at $.crew, now {0} at $.port",
        ),
        (("$.port", "AS", "port", "TEXT", "WEIGHT", "3"), "~ port: TEXT WEIGHT 3, now {0}"),
    ],
)
async def test_each_change_is_told(
    source: ClientSource, raw: Redis, made: tuple[str, ...], told: str
) -> None:
    await _ask(raw, "FT.CREATE", NAME, "ON", "JSON", "PREFIX", 1, "SafeShip:", "SCHEMA", *made)
    (found,) = (await rapyer.aindex_plan(SafeShipNext)).indexes
    assert found.differences == (told.format("TAG CASESENSITIVE INDEXEMPTY"),)


async def test_changed_options_are_told(source: ClientSource, raw: Redis) -> None:
    fields = [word for words in SafeWords.redis_schema() for word in words]
    name = "idx:SafeWords"
    await _ask(raw, "FT.CREATE", name, "ON", "JSON", "PREFIX", 1, "SafeWords:", "SCHEMA", *fields)
    (found,) = (await rapyer.aindex_plan(SafeWords)).indexes
    assert (found.state, found.differences) == (
        "changed",
        ("~ usual options, now LANGUAGE english STOPWORDS 0",),
    )


@pytest.mark.parametrize("before", [(), (SafeShip,), (SafeShip, SafeShipNext, SafeShip)])
async def test_a_program_may_end_before_each_step(
    source: ClientSource,
    raw: Redis,
    monkeypatch: pytest.MonkeyPatch,
    before: tuple[type[AtomicRedisModel], ...],
) -> None:
    class Ended(BaseException):
        """The program ends here."""

    left: int | None = None

    async def ending(server: ClientSource, command: Any) -> Any:
        nonlocal left
        if command.name != "FT.INFO" and left is not None:
            left -= 1
            if left < 0:
                raise Ended
        return await run(server, command)

    monkeypatch.setattr(migrate, "run", ending)
    for steps in itertools.count():
        left = None
        await raw.flushall()
        await _ships()
        for cls in before:
            await _init(source, cls)
        left = steps
        try:
            await _init(source, SafeShipNext)
            break
        except Ended:
            left = None
        registry.bind(source, auto_index=True)
        assert len(await _keys(SafeShip, SafeShip.crew >= 0)) == 20
        await _init(source, SafeShipNext)
        assert len(await _keys(SafeShipNext, SafeShipNext.port == "p1")) == 10
        await (await rapyer.aindex_plan()).apply()
        assert len(await _indexes(raw)) == 1
    assert steps == (3 if before else 2)
    assert len(await _indexes(raw)) == 1


async def test_two_classes_over_the_same_keys(source: ClientSource, raw: Redis) -> None:
    await _ships()
    registry._models = {cls.__name__: cls for cls in (SafeShipPlain, SafeShip, SafeShipNext)}
    for _ in range(2):
        await rapyer.init_rapyer(source)
        assert await _indexes(raw) == [NAME, f"{NEXT}:built"]
        plan = await rapyer.aindex_plan()
        assert [each.state for each in plan.indexes] == ["up to date"] * 2
        assert not plan
    assert len(await _keys(SafeShip, SafeShip.crew >= 10)) == 10
    assert len(await _keys(SafeShipNext, SafeShipNext.port == "p1")) == 10


async def test_another_database_is_refused(source: ClientSource, rapyer_redis_url: str) -> None:
    """The server would answer with the documents of database 0."""
    await _init(source)
    await _ships()
    elsewhere = ClientSource.from_url(rapyer_redis_url, db=1)
    said = (
        r"SafeShip has indexed fields, which the server finds in database 0 only, not in database 1; "
        r"connect to database 0"
    )
    with pytest.raises(NotIndexedError, match=said):
        await _init(elsewhere)
    registry.bind(elsewhere)
    await elsewhere.client().flushdb()
    await SafeShip(code="there", crew=3).asave()
    for asked in (_keys(SafeShip, SafeShip.crew == 3), rapyer.aindex_plan(), SafeShip.adelete_index()):
        with pytest.raises(NotIndexedError, match=said):
            await asked
    assert [ship.code for ship in await SafeShip.afind()] == ["there"]
    await elsewhere.client().flushdb()
    await elsewhere.aclose()


async def test_who_may_not_name_an_index_is_told(
    source: ClientSource, raw: Redis, rapyer_redis_url: str
) -> None:
    await _ships()
    await _ask(raw, "ACL", "SETUSER", "unnaming", "on", ">safe", "~*", "&*", "+@all", "-ft.aliasadd")
    user = ClientSource.from_url(rapyer_redis_url, username="unnaming", password="safe")  # noqa: S106
    try:
        said = "User unnaming has no permissions to run the 'FT.ALIASADD' command; let the server's administrator"
        with pytest.raises(NoPermissionError, match=said):
            await _init(user)
    finally:
        await user.aclose()
        await _ask(source.client(), "ACL", "DELUSER", "unnaming")


async def test_a_server_that_has_run_out_of_memory(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Newer servers then stop building, and tell so in FT.INFO."""
    await _ships(1)
    await SafeShip.acreate_index()
    told: Any = await run(source, search.index_info(NAME))
    labels = [text(label) for label in told[::2]]
    told[2 * labels.index("percent_indexed") + 1] = b"0.5"
    told[2 * labels.index("Index Errors") + 1] += [b"background indexing status", b"OOM failure"]

    async def stopped(server: ClientSource, command: Any) -> Any:
        return told

    monkeypatch.setattr(migrate, "run", stopped)
    said = f"the server has run out of memory while it built the index {NAME}; give it more, drop that index"
    with pytest.raises(NotIndexedError, match=said):
        await migrate.filled(source, NAME)


async def test_a_notebook_shows_a_plan(source: ClientSource) -> None:
    await _ships(1)
    await SafeShipNext.acreate_index()
    plan = await rapyer.aindex_plan(SafeShip)
    assert plan._repr_html_() == (
        "<div class='rapyer-index-plan'><p>1 of 1 indexes to be changed</p>"
        "<div><b>SafeShip</b>: <code>idx:SafeShip</code> is changed, 1 document"
        "<pre>+ crew: NUMERIC\n- port: TAG CASESENSITIVE INDEXEMPTY</pre>"
        f"<ol><li>create <code>{OWN}:built</code> beside idx:SafeShip</li>"
        f"<li>fill <code>{OWN}</code> with all documents; then searches use it</li>"
        f"<li>switch <code>idx:SafeShip</code> to {OWN}, which drops the index that has the name now, in one step"
        "</li></ol></div></div>"
    )


async def test_a_plan_of_strange_names_is_escaped(source: ClientSource) -> None:
    class SafeStrange(AtomicRedisModel):
        size: Annotated[int, Index()] = 0

        @classmethod
        def class_key_initials(cls) -> str:
            return "<b>&"

    html = (await rapyer.aindex_plan(SafeStrange))._repr_html_()
    assert "<code>idx:&lt;b&gt;&amp;</code>" in html
    assert "<b>&" not in html

"""References: what they take, how they are stored, what they show of their target, and how it is fetched."""

from __future__ import annotations

import copy
import json
import pickle
import sys
from types import ModuleType
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

from rapyer import AtomicRedisModel, Index, Key, RedisConfig
from rapyer.actions import ActionGroup
from rapyer.cascade import CascadeTTL
from rapyer.errors import (
    InvalidKeyError,
    KeyNotFound,
    NotResolvedError,
    UnknownTargetError,
    UnsupportedIndexedFieldError,
    WrongClassError,
)
from rapyer.lifecycle import init_rapyer
from rapyer.types import ForeignKey, Reference, RelationalFieldType

if TYPE_CHECKING:
    from redis.asyncio import Redis

    from rapyer.session.clients import ClientSource

pytestmark = pytest.mark.usefixtures("source")

T = TypeVar("T")


class RefAuthor(AtomicRedisModel):
    name: str = "Ada"
    value: int = 7
    target_key: str = "own"
    is_resolved: str = "own"
    visits: int = 0
    tags: list[str] = []
    labels: set[str] = set()


class RefPoet(RefAuthor):
    verses: int = 1


class RefCompany(AtomicRedisModel):
    name: Key[str]


class RefPart(BaseModel):
    editor: Reference[RefAuthor] | None = None
    others: list[Reference[RefAuthor]] = []


class RefBook(AtomicRedisModel):
    author: Reference[RefAuthor]
    editor: Reference[RefAuthor] | None = None
    readers: list[Reference[RefAuthor]] = []
    maybe: list[Reference[RefAuthor] | None] = []
    by_role: dict[str, Reference[RefAuthor]] = {}
    deep: dict[str, list[Reference[RefAuthor]]] = {}
    owner: Reference[RefAuthor | RefCompany] | None = None
    either: Reference[RefAuthor] | Reference[RefCompany] | None = None
    part: RefPart = RefPart()
    marked: Annotated[Reference[RefAuthor] | None, CascadeTTL(enabled=False)] = None
    sequel: Reference["RefBook"] | None = None  # noqa: UP037 - the quotes are what is tested
    later: Reference["RefLater"] | None = None  # noqa: UP037
    laters: list[Reference["RefLater"]] = []  # noqa: UP037
    both: Reference["RefLater | RefCompany"] | None = None  # noqa: UP037


class RefLater(AtomicRedisModel):
    number: int = 5


class RefBare(AtomicRedisModel):
    anything: Reference | None = None


class RefBox(AtomicRedisModel, Generic[T]):
    held: Reference[T] | None = None


class RefQuiet(AtomicRedisModel):
    Meta = RedisConfig(ttl=1000, refresh_ttl=ActionGroup.UPDATE)
    number: int = 0


class RefLoud(AtomicRedisModel):
    Meta = RedisConfig(ttl=1000)
    number: int = 0


class RefTtlOwner(AtomicRedisModel):
    Meta = RedisConfig(ttl=1000)
    quiet: Reference[RefQuiet]
    loud: Reference[RefLoud]


async def stored_book(**fields: Any) -> tuple[RefBook, RefAuthor]:
    author = await RefAuthor(name="Grace").asave()
    return await RefBook(author=author, **fields).asave(), author


# --- values -----------------------------------------------------------------------------------------------


def test_both_names_are_one_class() -> None:
    assert ForeignKey is Reference
    assert issubclass(Reference, RelationalFieldType)


async def test_a_model_resolves_it_and_a_key_or_dbref_does_not() -> None:
    """§13.35."""
    author = RefAuthor()
    of_model = RefBook(author=author).author
    assert (of_model.is_resolved, of_model.target_key, of_model.value is author) == (True, author.key, True)
    for given in ("RefAuthor:1", {"$ref": "RefAuthor", "$id": "1", "$db": "x"}):
        reference = RefBook(author=given).author
        assert (reference.is_resolved, reference.target_key) == (False, "RefAuthor:1")
    assert RefBook(author=of_model).author is of_model
    assert RefBook(author="any text: at all").author.target_key == "any text: at all"


@pytest.mark.parametrize("bad", [None, 5, [], {"$ref": "RefAuthor"}, {"$id": "1"}, b"RefAuthor:1"])
async def test_w14_what_cannot_be_a_reference_is_a_validation_error(bad: Any) -> None:
    expected = (
        'Input should be a model, its key, another reference or {"\\$ref": class, "\\$id": primary key}'
    )
    with pytest.raises(ValidationError, match=expected):
        RefBook(author=bad)
    book = RefBook(author="RefAuthor:1")
    with pytest.raises(ValidationError, match=expected):
        book.author = bad
    with pytest.raises(ValidationError, match=expected):
        book.readers.append(bad)
    with pytest.raises(ValidationError, match=expected):
        await book.aupdate(author=bad)
    assert book.author.target_key == "RefAuthor:1"
    with pytest.raises(TypeError, match="cannot be referred to: Input should be a model"):
        Reference(bad)


def test_an_instance_of_another_class_is_a_validation_error() -> None:
    with pytest.raises(ValidationError, match="Input should be an instance of RefAuthor, not of RefCompany"):
        RefBook(author=RefCompany(name="x"))
    assert RefBook(author=RefPoet()).author.target_key.startswith("RefPoet:")
    resolved = Reference[RefCompany](RefCompany(name="x"))
    with pytest.raises(ValidationError, match="Input should be an instance of RefAuthor, not of RefCompany"):
        RefBook(author=resolved)


def test_an_inner_model_has_no_key_to_refer_to() -> None:
    class RefInner(AtomicRedisModel):
        number: int = 0

    class RefOuter(AtomicRedisModel):
        inner: RefInner = RefInner()
        ref: Reference[RefInner] | None = None

    with pytest.raises(ValidationError, match="and this RefInner lives inside another model"):
        RefOuter(ref=RefOuter().inner)


async def test_an_instance_of_a_class_that_was_defined_again_is_taken() -> None:
    class RefAgain(AtomicRedisModel):
        number: int = 1

    class RefToAgain(AtomicRedisModel):
        other: Reference[RefAgain]
        named: Reference["RefAgain"]  # noqa: UP037 - the quotes are what is tested

    class RefAgain(AtomicRedisModel):  # noqa: F811
        number: int = 2

    again = await RefAgain().asave()
    holder = RefToAgain(other=again, named=again)
    await holder.named.aunload()
    assert type(await holder.named.afetch()) is RefAgain


def test_only_a_model_class_can_be_referred_to() -> None:
    with pytest.raises(UnknownTargetError, match="Reference\\[int\\]: int is no model class; refer to a sub"):

        class RefToInt(AtomicRedisModel):
            number: Reference[int]


def test_references_are_equal_by_key_and_hashable() -> None:
    """§13.42."""
    author = RefAuthor()
    one, other = Reference[RefAuthor](author), Reference[RefAuthor](author.key)
    assert one == other
    assert len({one, other, Reference[RefAuthor]("RefAuthor:else")}) == 2
    assert one != author
    assert one != author.key
    assert repr(one) == f"Reference({author.key!r}, resolved)"
    assert repr(other) == f"Reference({author.key!r}, unresolved)"


def test_it_follows_a_target_that_gets_another_key_before_it_is_stored() -> None:
    author = RefAuthor()
    book = RefBook(author=author)
    author.pk = "chosen"
    assert (book.author.target_key, book.redis_dump()["author"]) == ("RefAuthor:chosen", "RefAuthor:chosen")


async def test_none_through_its_schema_stays_none() -> None:
    """§13.45."""
    adapter = TypeAdapter(Reference[RefAuthor])
    assert adapter.dump_python(None) is None
    assert adapter.dump_json(None) == b"null"
    assert RefBook(author="RefAuthor:1").redis_dump()["editor"] is None


def test_copies_keep_key_and_target() -> None:
    author = RefAuthor()
    book = RefBook(author=author, editor="RefAuthor:2")
    for copied in (copy.copy(book), copy.deepcopy(book), book.model_copy(deep=True)):
        assert copied.author == book.author
        assert copied.author.value is author
        assert not copied.editor.is_resolved


async def test_pickles_keep_the_key_and_what_it_may_name() -> None:
    book, author = await stored_book()
    loaded: RefBook = pickle.loads(pickle.dumps(book))
    assert not loaded.author.is_resolved
    assert (await loaded.author.afetch()).name == author.name


# --- storage ----------------------------------------------------------------------------------------------


async def test_it_stands_in_the_document_as_the_key(raw: Redis) -> None:
    author = RefAuthor()
    key = author.key
    book = RefBook(
        author=author,
        editor=key,
        readers=[author, key],
        maybe=[None, author],
        by_role={"a": author},
        deep={"x": [author]},
        owner=author,
        either=key,
        part=RefPart(editor=author, others=[key]),
        marked=author,
    )
    expected = {
        "author": key,
        "editor": key,
        "readers": [key, key],
        "maybe": [None, key],
        "by_role": {"a": key},
        "deep": {"x": [key]},
        "owner": key,
        "either": key,
        "part": {"editor": key, "others": [key]},
        "marked": key,
        "sequel": None,
        "later": None,
        "laters": [],
        "both": None,
    }
    await book.asave()
    assert await raw.json().get(book.key) == expected
    assert book.model_dump() == book.model_dump(mode="json") == json.loads(book.model_dump_json()) == expected
    loaded = await RefBook.aget(book.key)
    assert loaded == book
    assert not any(
        one.is_resolved
        for one in (loaded.author, loaded.editor, *loaded.readers, loaded.maybe[1], loaded.part.editor)
    )


async def test_saving_a_resolved_reference_stores_its_key(raw: Redis) -> None:
    """§13.38."""
    book, author = await stored_book()
    loaded = await RefBook.aget(book.key)
    await loaded.author.afetch()
    await loaded.asave()
    assert await raw.json().get(book.key, "$.author") == [author.key]


async def test_every_way_to_write_takes_every_form(raw: Redis) -> None:
    book, author = await stored_book()
    forms: list[Any] = [
        author,
        author.key,
        Reference[RefAuthor](author.key),
        {"$ref": "RefAuthor", "$id": str(author.pk)},
    ]
    for form in forms:
        book.author = "RefAuthor:none"
        await book.asave()
        await book.aupdate(author=form)
        book.readers.append(form)
        book.readers += [form]
        book.readers.insert(0, form)
        book.readers[0] = form
        book.by_role["sync"] = form
        await book.asave()
        await book.readers.aappend(form)
        await book.readers.aextend([form])
        await book.readers.ainsert(0, form)
        await book.by_role.aset_item("async", form)
        await book.by_role.aupdate(many=form)
        async with book.apipeline():
            book.editor = form
            book.readers.append(form)
            book.by_role["queued"] = form
        stored = await raw.json().get(book.key)
        assert isinstance(stored, dict)
        assert stored["author"] == stored["editor"] == author.key
        assert stored["readers"] == [author.key] * 7
        assert stored["by_role"] == dict.fromkeys(("sync", "async", "many", "queued"), author.key)
        assert await RefBook.aget(book.key) == book
        assert await book.readers.aindex(form) == 0
        await book.readers.aremove(form)
        book.readers.clear()
        book.by_role.clear()


async def test_a_failed_pipeline_takes_the_reference_back() -> None:
    book, author = await stored_book()
    with pytest.raises(RuntimeError):
        async with book.apipeline():
            book.author = "RefAuthor:other"
            raise RuntimeError
    assert book.author.target_key == author.key
    assert (await RefBook.aget(book.key)).author.target_key == author.key


async def test_a_duplicate_refers_to_the_same_and_is_unresolved() -> None:
    book, author = await stored_book()
    await book.author.afetch()
    duplicate = await book.aduplicate()
    assert (duplicate.author.target_key, duplicate.author.is_resolved) == (author.key, False)


def test_it_cannot_be_indexed() -> None:
    class RefIndexed(AtomicRedisModel):
        author: Index[Reference[RefAuthor]]

    with pytest.raises(UnsupportedIndexedFieldError):
        RefIndexed.author == "x"  # noqa: B015


def test_its_json_schema_is_a_text() -> None:
    schema = RefBook.model_json_schema()["properties"]
    assert schema["author"]["type"] == "string"
    assert schema["readers"]["items"] == {"type": "string"}


# --- the target's attributes ------------------------------------------------------------------------------


async def test_w13_other_names_are_the_targets() -> None:
    book, author = await stored_book()
    assert (book.author.key, book.author.pk, book.author.name) == (author.key, author.pk, "Grace")
    assert book.author.json_path == "$"
    assert book.author.Meta is RefAuthor.Meta
    assert book.author.tags is author.tags
    assert "visits" in dir(book.author)
    with pytest.raises(AttributeError, match="nonsense"):
        book.author.nonsense  # noqa: B018
    with pytest.raises(AttributeError, match="a reference has no attribute '_hidden'"):
        book.author._hidden  # noqa: B018


def test_the_names_of_a_reference_are_its_own() -> None:
    """§13.41."""
    author = RefAuthor()
    reference = RefBook(author=author).author
    assert (reference.is_resolved, reference.target_key) == (True, author.key)
    assert reference.value is author
    assert reference.value.value == 7


async def test_w13_setting_an_attribute_sets_it_on_the_target(raw: Redis) -> None:
    book, author = await stored_book()
    book.author.name = "Edsger"
    book.author.visits += 2
    assert (author.name, author.visits) == ("Edsger", 2)
    await book.author.asave()
    assert await raw.json().get(author.key, "$.name") == ["Edsger"]
    async with author.apipeline():
        book.author.visits += 1
    assert await raw.json().get(author.key, "$.visits") == [3]
    with pytest.raises(AttributeError, match="value of a reference cannot be set; assign to the field"):
        book.author.value = author
    with pytest.raises(AttributeError, match="name of a reference cannot be deleted"):
        del book.author.name


def test_nothing_is_known_of_a_target_that_is_not_loaded() -> None:
    book = RefBook(author="RefAuthor:1")
    expected = (
        "RefAuthor:1 is not loaded, so its name is not known; await afetch\\(\\) of the reference first, or "
        "rapyer.afetch_all for many"
    )
    with pytest.raises(NotResolvedError, match=expected) as raised:
        book.author.name  # noqa: B018
    assert raised.value.key == "RefAuthor:1"
    with pytest.raises(NotResolvedError, match="so its name is not known"):
        book.author.name = "x"
    with pytest.raises(NotResolvedError, match="so the target is not known"):
        book.author.value  # noqa: B018


# --- fetching ---------------------------------------------------------------------------------------------


async def test_dangling_references_load_and_only_fetching_raises() -> None:
    """§13.36."""
    book = await RefBook(author="RefAuthor:none", editor="RefAuthor:gone").asave()
    loaded = await RefBook.aget(book.key)
    for reference in (loaded.author, loaded.editor):
        assert reference is not None
        with pytest.raises(KeyNotFound, match="no RefAuthor is stored under RefAuthor:"):
            await reference.afetch()
        assert not reference.is_resolved


async def test_fetching_twice_gives_the_same_and_unloading_keeps_the_key() -> None:
    """§13.37."""
    book, author = await stored_book()
    reference = (await RefBook.aget(book.key)).author
    fetched = await reference.afetch()
    assert fetched == author
    assert await reference.afetch() is fetched is reference.value
    await reference.aunload()
    assert (reference.is_resolved, reference.target_key) == (False, author.key)
    assert await reference.afetch() is not fetched


async def test_a_target_that_was_given_is_returned_though_it_was_never_stored() -> None:
    author = RefAuthor()
    assert await RefBook(author=author).author.afetch() is author
    unloaded = RefBook(author=author)
    await unloaded.author.aunload()
    assert unloaded.author.target_key == author.key


async def test_elements_are_fetched_one_by_one() -> None:
    """§13.39."""
    authors = [await RefAuthor(name=name).asave() for name in "abc"]
    book = await RefBook(author=authors[0], readers=authors, by_role={"x": authors[2]}).asave()
    loaded = await RefBook.aget(book.key)
    assert (await loaded.readers[1].afetch()).name == "b"
    assert [one.is_resolved for one in loaded.readers] == [False, True, False]
    assert (await loaded.by_role["x"].afetch()).name == "c"


async def test_a_target_lives_under_its_own_key(raw: Redis) -> None:
    """§13.40."""
    book, author = await stored_book()
    fetched = await (await RefBook.aget(book.key)).author.afetch()
    await fetched.labels.aadd("x")
    await fetched.tags.aappend("y")
    assert await raw.smembers(f"__rapyer_special__:{author.key}:labels") == {'"x"'}
    assert fetched.tags.json_path == "$.tags"
    assert await raw.json().get(author.key, "$.tags") == [["y"]]


async def test_a_bare_primary_key_is_one_of_the_only_class() -> None:
    author = await RefAuthor(name="bare").asave()
    book = await RefBook(author=str(author.pk)).asave()
    assert book.redis_dump()["author"] == author.pk
    assert (await (await RefBook.aget(book.key)).author.afetch()).name == "bare"


async def test_w12_the_class_is_that_of_the_key() -> None:
    poet = await RefPoet(name="Sappho").asave()
    book = await RefBook(author=poet.key, owner=poet.key, either="RefCompany:c", both="RefCompany:c").asave()
    company = await RefCompany(name="c").asave()
    loaded = await RefBook.aget(book.key)
    fetched = await loaded.author.afetch()
    assert (type(fetched), fetched) == (RefPoet, poet)
    assert type(await loaded.owner.afetch()) is RefPoet
    for union in (loaded.either, loaded.both):
        assert union is not None
        assert await union.afetch() == company


async def test_w12_a_key_of_another_class_is_refused() -> None:
    await RefCompany(name="c").asave()
    book = await RefBook(author="RefCompany:c", owner="RefLater:1").asave()
    with pytest.raises(WrongClassError, match="RefCompany:c is no key of RefAuthor, whose keys start with"):
        await book.author.afetch()
    with pytest.raises(
        WrongClassError,
        match="RefLater:1 is no key of RefAuthor or RefCompany; their keys start with RefAuthor: or RefPoet: or",
    ) as raised:
        await book.owner.afetch()
    assert raised.value.key == "RefLater:1"
    with pytest.raises(InvalidKeyError, match="a primary key of RefAuthor is empty"):
        await RefBook(author="").author.afetch()


async def test_w13_forward_references_are_fetched_in_containers_too() -> None:
    later = await RefLater(number=9).asave()
    book = await RefBook(author="x", later=later.key, laters=[later.key], both=later.key).asave()
    book.sequel = book
    await book.asave()
    loaded = await RefBook.aget(book.key)
    assert loaded.later is not None
    assert loaded.both is not None
    assert loaded.sequel is not None
    assert (await loaded.later.afetch()).number == 9
    assert (await loaded.laters[0].afetch()).number == 9
    assert (await loaded.both.afetch()) == later
    assert (await loaded.sequel.afetch()) == book


OPEN = """
from __future__ import annotations
from rapyer import AtomicRedisModel
from rapyer.types import Reference

class RefOpen(AtomicRedisModel):
    other: Reference[RefComesLater] | None = None
    many: list[Reference[RefComesLater]] = []
    me: Reference[RefOpen] | None = None
"""


async def test_a_forward_reference_without_quotes_is_resolved_by_init(
    source: ClientSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    """§13.44."""
    module: Any = ModuleType("ref_elsewhere")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    exec(OPEN, vars(module))

    class RefComesLater(AtomicRedisModel):
        number: int = 3

    later = await RefComesLater().asave()
    await init_rapyer(source)
    opened: Any = module.RefOpen
    stored = await opened(other=later, many=[later.key]).asave()
    stored.me = stored
    await stored.asave()
    loaded = await opened.aget(stored.key)
    assert await loaded.other.afetch() == await loaded.many[0].afetch() == later
    assert await loaded.me.afetch() == stored


async def test_a_name_that_no_class_has_is_told() -> None:
    class RefToNobody(AtomicRedisModel):
        other: Reference["RefNobody"] | None = None  # noqa: F821, UP037

    holder = RefToNobody(other="RefNobody:1")
    expected = "Reference\\[RefNobody\\]: no model class is named RefNobody; define or import the class"
    with pytest.raises(UnknownTargetError, match=expected):
        await holder.other.afetch()


async def test_a_bare_reference_cannot_be_fetched() -> None:
    author = await RefAuthor().asave()
    stored = await RefBare(anything=author).asave()
    loaded = await RefBare.aget(stored.key)
    assert loaded.anything is not None
    expected = "a bare Reference does not say what it refers to; declare it as Reference\\[Author\\]"
    with pytest.raises(TypeError, match=expected):
        await loaded.anything.afetch()
    assert await Reference[RefAuthor](author.key).afetch() == author


async def test_a_generic_class_refers_to_its_argument() -> None:
    later = await RefLater().asave()
    box = await RefBox[RefLater](held=later).asave()
    loaded = await RefBox[RefLater].aget(box.key)
    assert loaded.held is not None
    assert await loaded.held.afetch() == later


async def test_in_a_pipeline_it_fetches_at_once() -> None:
    book, author = await stored_book()
    loaded = await RefBook.aget(book.key)
    async with loaded.apipeline() as entered:
        fetched = await entered.author.afetch()
        assert fetched == author
        fetched.name = "changed"
        assert (await RefAuthor.aget(author.key)).name == "Grace"
    assert (await RefAuthor.aget(author.key)).name == "changed"


async def test_fetching_refreshes_just_the_target_and_only_if_it_wants_that(raw: Redis) -> None:
    """§13.43."""
    quiet, loud = await RefQuiet().asave(), await RefLoud().asave()
    owner = await RefTtlOwner(quiet=quiet.key, loud=loud.key).asave()
    for model in (quiet, loud, owner):
        await raw.expire(model.key, 50)
    await owner.quiet.afetch()
    await owner.loud.afetch()
    left = [await raw.ttl(model.key) for model in (quiet, loud, owner)]
    assert left[0] <= 50
    assert left[1] > 900
    assert left[2] <= 50


async def test_w29_without_a_key_there_is_no_reference_to_fetch() -> None:
    """A reference always has a key, so fetching one never raises NotResolvedError."""
    book, _ = await stored_book()
    assert (await RefBook.aget(book.key)).editor is None
    reference = (await RefBook.aget(book.key)).author
    assert reference.target_key
    assert (await reference.afetch()).name == "Grace"
    with pytest.raises(KeyNotFound):
        await Reference[RefAuthor]("RefAuthor:none").afetch()

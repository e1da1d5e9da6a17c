"""Duplicating: copies of a stored document, made by the server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from pydantic_core import to_json

from rapyer.codec.paths import ROOT
from rapyer.commands.duplicate import Duplicates, dump, duplicate, restore
from rapyer.errors import InnerModelError, InvalidKeyError, KeyExistsError, KeyNotFound
from rapyer.model.beside import contents, part_of
from rapyer.model.expiry import passed_on
from rapyer.model.identity import settle
from rapyer.model.keys import key_for, new_primary_key, primary_key_of
from rapyer.model.load import from_document, from_replies, reading_of
from rapyer.model.persist import check_field_names
from rapyer.model.registry import registry
from rapyer.model.schema import spec_of
from rapyer.session.executor import is_one_step, perform, run
from rapyer.session.scope import open_batch, settle_open
from rapyer.types import zones
from rapyer.types.string import RedisStr

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rapyer.fields.key import RapyerKey
    from rapyer.model.state import StoredModel
    from rapyer.session.clients import ClientSource

M = TypeVar("M", bound="StoredModel")


async def duplicate_stored(model: M, number: int, changes: Mapping[str, Any]) -> list[M]:
    """Copy what is stored of an instance so many times, in one script.

    Args:
        model: The instance.
        number: How many copies.
        changes: Values that the copies get instead of what is stored.

    Raises:
        ValueError: The number is negative.
        InnerModelError: The instance lives inside another model.
        KeyNotFound: It is not stored.
        KeyExistsError: Something is stored under a copy's key.
        InvalidKeyError: The class has a key field that needs a value, and there is not one for each copy.
    """
    if isinstance(number, bool) or not isinstance(number, int) or number < 0:
        raise ValueError(f"the number of copies is 0 or more, not {number!r}")
    if model._rapyer_is_inner():
        raise InnerModelError(
            "Can only duplicate from top level model", key=model._rapyer_key(), field=model.field_path
        )
    check_field_names(model, changes)
    if number == 0:
        return []
    local = [_changed(model, changes, pk) for pk in _primary_keys(model, number, changes)]
    result = await _run(model, local, changes)
    if result is None:
        return local  # in a pipeline the documents are not there yet
    made = zip(local, result.documents, strict=True)
    return [_made(copy, document, result.beside) for copy, document in made]


def _made(copy: M, document: bytes, beside: Sequence[Any]) -> M:
    cls, key, reading = type(copy), copy._rapyer_key(), reading_of(type(copy))
    if reading is None:
        return from_document(cls, key, document)
    replies = [
        reply
        for one, reply in zip(reading.companions, beside, strict=True)
        if one.kind._rapyer_read_companion(one.key(key), optional=one.optional) is not None
    ]
    return from_replies(cls, key, document, replies, reading)


async def _run(model: StoredModel, copies: list[M], changes: Mapping[str, Any]) -> Duplicates | None:
    key, fields = model._rapyer_key(), spec_of(model).fields
    own_field = spec_of(model).key_field
    parts = {name: part_of(copies[0], name) for name in changes}
    texts: dict[str, bytes] = {
        ROOT.child(name): fields[name].dump_stored(copies[0].__dict__[name], parts[name].outside)
        for name in changes
        if fields[name].stored and fields[name].special is None and name != own_field
    }
    for name in changes.keys() & spec_of(model).notes.keys():
        moment = copies[0].__dict__[name]
        note = None if moment is None else zones.beside(moment)
        texts[ROOT.child(name + zones.BESIDE)] = to_json(note)  # null stands for none
    own = None
    if own_field is not None:
        to_text = fields[own_field].dump_stored
        own = (ROOT.child(own_field), [to_text(copy.__dict__[own_field]) for copy in copies])
    keys = [copy._rapyer_key() for copy in copies]
    changed = dict(content for part in parts.values() for content in contents(part))
    groups = [[one.key(main) for main in (key, *keys)] for one in spec_of(model).companions]
    beside = [(group, changed.get(group[1])) for group in groups]
    options = {"ttl": registry.ttl_of(type(model)), "changes": texts, "own": own}
    result = await _copied(model._rapyer_source(), key, keys, beside, options)
    if result is not None and result.status == "missing":
        raise KeyNotFound(
            f"no {type(model).__name__} is stored under {key}", key=key, model=type(model).__name__
        )
    if result is not None and result.taken is not None:
        raise taken(type(model), result.taken)
    onward = passed_on(copies)
    if onward:
        await perform(model._rapyer_source(), renewal=onward)
    return result


async def _copied(
    source: ClientSource, key: str, copies: Sequence[str], beside: Sequence[Any], options: dict[str, Any]
) -> Duplicates | None:
    settle_open()  # the copies are to have it, too
    command = duplicate(key, copies, beside=beside, **options)
    if open_batch() is not None or is_one_step(source, [command]):
        copied: Duplicates | None = (await perform(source, command))[0]
        return copied
    # The copies live in other slots of a cluster. What is copied is the model as it was at one moment.
    dumped = await run(source, dump(key, [group[0] for group, _ in beside]))
    if dumped is None:
        return Duplicates("missing")
    document, *others = dumped
    begins = [
        (group[1:], packed if members is None else members)
        for (group, members), packed in zip(beside, others, strict=True)
    ]
    return await run(source, restore(copies, document, beside=begins, **options))


def taken(cls: type[StoredModel], key: str) -> KeyExistsError:
    """Return the error for a key that has a document already."""
    return KeyExistsError(
        f"{key} is stored already",
        key=key,
        model=cls.__name__,
        hint="choose another primary key",
    )


def _changed(model: M, changes: Mapping[str, Any], pk: Any) -> M:
    copy = model.model_copy(deep=True)
    key_field = spec_of(model).key_field
    for name, value in changes.items():
        if name != key_field:
            copy._rapyer_assign_local(name, value)
    if key_field is None:
        settle(copy, pk)
    else:
        copy._rapyer_assign_local(key_field, pk)
        settle(copy, primary_key_of(type(copy), copy._rapyer_key()))
    return copy


def _primary_keys(model: StoredModel, number: int, changes: Mapping[str, Any]) -> list[Any]:
    field = spec_of(model).key_field
    if field is None:
        return [new_primary_key() for _ in range(number)]
    if field in changes and number == 1:
        return [changes[field]]
    kind = spec_of(model).fields[field].annotation
    if field in changes or kind not in {str, RedisStr, UUID}:
        raise InvalidKeyError(
            f"each copy of {_name(model)} needs a value of its own for the key field {field}",
            model=type(model).__name__,
            field=field,
            hint=f"make them one by one: aduplicate({field}=…)",
        )
    minted = [new_primary_key() for _ in range(number)]
    return [UUID(pk) for pk in minted] if kind is UUID else minted


def _name(model: StoredModel) -> RapyerKey:
    return key_for(type(model), str(model.pk))

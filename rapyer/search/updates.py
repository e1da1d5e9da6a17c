"""What deleting and updating by filters do to each document: checked once, before anything is sent."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import TYPE_CHECKING, Any

from pydantic import AfterValidator, BeforeValidator, PlainValidator, WrapValidator

from rapyer.commands import keys
from rapyer.commands.change import removing, steps_of
from rapyer.errors import (
    KeyChangedError,
    MissingParameterError,
    UnsupportedArgumentValueError,
)
from rapyer.model import load, persist
from rapyer.model.companions import keys_under
from rapyer.model.registry import registry
from rapyer.result import DeleteResult, UpdateResult
from rapyer.search.change import Task, carry_out
from rapyer.session.executor import execute
from rapyer.session.scope import open_batch

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from rapyer.commands.command import Arg
    from rapyer.model.state import StoredModel
    from rapyer.search.expression import Expression

_POSITIONAL = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD)
_VALIDATORS = (AfterValidator, BeforeValidator, PlainValidator, WrapValidator)
_ANY_PK = "-"
"""Stands for the primary key where commands are made that are meant for any document."""


async def delete_matching(
    cls: type[StoredModel],
    expression: Expression,
    *,
    atomic: bool = False,
    dry_run: bool = False,
    told: Callable[[int, int], object] | None = None,
) -> DeleteResult:
    """Delete the documents that an expression describes, with what lives beside them.

    Raises as `carry_out`.

    Args:
        cls: The class.
        expression: The filter.
        atomic: Whether all must go in one script.
        dry_run: Whether nothing is to be deleted.
        told: Is told after each round trip how many are gone, and how many have been found by then.
    """
    source, queued = registry.source_for(cls), open_batch() is not None
    each, most = len(cls.__rapyer_spec__.companions) + 1, cls.Meta.max_delete_per_transaction
    task = Task(
        cls,
        expression,
        removing(each),
        most=None if most is None else max(1, most // each),
        refreshes=False,
        atomic=atomic,
        dry_run=dry_run,
        told=told,
    )
    outcome = await carry_out(source, task)
    unreadable = load.Loaded([], (), tuple(outcome.corrupt.values()))
    load.report_skipped(f"{cls.__name__}.adelete_many", unreadable)
    found, changed = len(outcome.found), len(outcome.changed)
    if dry_run or queued:
        return DeleteResult(models_deleted=found, keys_deleted=each * found, was_committed=False)
    return DeleteResult(models_deleted=changed, keys_deleted=outcome.removed, models_missing=found - changed)


async def would_delete(
    cls: type[StoredModel], wanted: Sequence[str], *, told: Callable[[int, int], object] | None = None
) -> DeleteResult:
    """Return what deleting by keys would do (TYPE each).

    Args:
        cls: Their class.
        wanted: Full keys; one that is named twice counts once.
        told: Is told after each round trip how many were looked at, and of how many.
    """
    distinct, source = list(dict.fromkeys(wanted)), registry.source_for(cls)
    there = seen = 0
    for chunk in load.chunks_of(distinct):
        kinds = await execute(source, [keys.type_of(key) for key in chunk])
        there += kinds.count("ReJSON-RL")
        seen += len(chunk)
        if told is not None:
            told(seen, len(distinct))
    each = len(cls.__rapyer_spec__.companions) + 1
    return DeleteResult(
        models_deleted=there,
        keys_deleted=there * each,
        models_missing=len(distinct) - there,
        was_committed=False,
    )


async def update_matching(
    cls: type[StoredModel], expression: Expression, fields: Mapping[str, Any], *, dry_run: bool = False
) -> UpdateResult:
    """Set fields of the documents that an expression describes.

    The values are validated once, as by assigning them to an instance without other values. Where the class
    has validators of whole instances, or those of a field see the others, each document is loaded for them.

    Args:
        cls: The class.
        expression: The filter.
        fields: The values by the names of the fields.
        dry_run: Whether nothing is to be changed.

    Raises:
        UnknownFieldError: A name is no field.
        KeyChangedError: A field is the primary key.
        UpdateAtomicModelError: A field is a set or a queue, with operations of its own.
        ValidationError: A value does not fit.
        StaleModelError: Documents were changed by others all the time.
    """
    _check_fields(cls, fields)
    source, queued = registry.source_for(cls), open_batch() is not None
    if cls.__pydantic_decorators__.model_validators or any(_sees_others(cls, name) for name in fields):
        _check_alone(cls, fields)
        task = Task(cls, expression, own_steps=lambda model: _steps(model, fields), dry_run=dry_run)
    else:
        task = Task(cls, expression, _steps(_blank(cls), fields), dry_run=dry_run)
    outcome = await carry_out(source, task)
    refused = outcome.refused | {key: str(error) for key, error in outcome.corrupt.items()}
    return UpdateResult(
        matched=len(outcome.found | outcome.corrupt.keys()),
        updated=len(outcome.changed),
        refused=refused,
        was_committed=not (dry_run or queued),
    )


def _check_alone(cls: type[StoredModel], fields: Mapping[str, Any]) -> None:
    """Refuse values that fit no document, as far as their types tell, before documents are loaded."""
    modes = {one.info.mode for one in cls.__pydantic_decorators__.model_validators.values()}
    for name, value in fields.items():
        if modes <= {"after"} and not _validators(cls, name):  # others may turn the value into one that fits
            cls.__rapyer_spec__.fields[name].shape.validate(value)


def _sees_others(cls: type[StoredModel], name: str) -> bool:
    """Tell whether a validator of a field takes what pydantic knows of the others (`info`)."""
    return any(_parameters(function) > most for function, most in _validators(cls, name))


def _validators(cls: type[StoredModel], name: str) -> list[tuple[Any, int]]:
    """Return the user's validators of a field, and how many arguments each takes if it takes no `info`."""
    declared = cls.__pydantic_decorators__.field_validators.values()
    named = [one for one in declared if name in one.info.fields or "*" in one.info.fields]
    given = [item for item in cls.__rapyer_spec__.fields[name].info.metadata if isinstance(item, _VALIDATORS)]
    return [
        *((one.func, 2 if one.info.mode == "wrap" else 1) for one in named),
        *((item.func, 2 if isinstance(item, WrapValidator) else 1) for item in given),
    ]


def _parameters(function: Any) -> int:
    """Return how many arguments a validator must be given; 0 for one that does not tell, as `int`."""
    try:
        given = signature(function).parameters.values()
    except ValueError:
        return 0
    return sum(one.default is one.empty and one.kind in _POSITIONAL for one in given)


def _steps(model: StoredModel, fields: Mapping[str, Any]) -> tuple[Arg, ...]:
    """Return what sets the fields of a stored document, as `change_matching` takes it.

    Args:
        model: The instance that takes the values; what it has else does not matter.
        fields: The values.
    """
    for name, value in fields.items():
        model._rapyer_assign_local(name, value)
    return steps_of(persist.update(model, fields), keys_under(model.__rapyer_spec__, model._rapyer_key()))


def _blank(cls: type[StoredModel]) -> StoredModel:
    """Return an instance without values, which takes those that are valid whatever the others are."""
    model = cls.__new__(cls)
    key_field = cls.__rapyer_spec__.key_field
    values = {} if key_field is None else {key_field: _ANY_PK}
    object.__setattr__(model, "__dict__", values)
    object.__setattr__(model, "__pydantic_fields_set__", set())
    object.__setattr__(model, "__pydantic_extra__", None)
    object.__setattr__(model, "__pydantic_private__", None)
    model._rapyer_set_pk(_ANY_PK)
    return model


def _check_fields(cls: type[StoredModel], fields: Mapping[str, Any]) -> None:
    name = cls.__name__
    if not fields:
        raise MissingParameterError(
            f"{name}.aupdate_many requires at least one field", model=name, hint="give name=value"
        )
    spec = cls.__rapyer_spec__
    persist.check_field_names(_blank(cls), fields)
    persist.check_no_special(_blank(cls), fields)
    for field in fields:
        if field == spec.key_field:
            raise KeyChangedError(
                f"{name}.{field} is the primary key, which no update can change",
                field=field,
                model=name,
                hint="store a copy (aduplicate) under the new key and delete this one",
            )
        why = "is not stored" if not spec.fields[field].stored else _frozen(cls, field)
        if why:
            raise UnsupportedArgumentValueError(
                f"{name}.{field} {why}, so it cannot be updated", field=field, model=name
            )


def _frozen(cls: type[StoredModel], field: str) -> str:
    frozen = cls.model_config.get("frozen") or cls.__rapyer_spec__.fields[field].info.frozen
    return "is frozen" if frozen else ""

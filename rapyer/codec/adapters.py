"""Validating and dumping single values through pydantic."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic_core import (
    ErrorDetails,
    InitErrorDetails,
    PydanticCustomError,
    PydanticKnownError,
    PydanticSerializationError,
)

from rapyer.codec.context import FAILURE, STORED, Tolerant
from rapyer.errors import CantSerializeRedisValueError, CorruptedModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

_CONFIG = ConfigDict(allow_inf_nan=False, arbitrary_types_allowed=True)

_CHECKING = (
    "strict",
    "str_strip_whitespace",
    "str_to_lower",
    "str_to_upper",
    "str_min_length",
    "str_max_length",
    "coerce_numbers_to_str",
    "use_enum_values",
    "regex_engine",
    "hide_input_in_errors",
)
"""What of a model's configuration says how its values are checked, wherever they stand in it."""


def checking(config: Mapping[str, Any]) -> ConfigDict:
    """Return what of a model's configuration counts for each value in it, and not only for the whole."""
    return cast("ConfigDict", {name: config[name] for name in _CHECKING if name in config})


def adapter_for(
    annotation: Any,
    *,
    val_json_bytes: Literal["utf8", "base64", "hex"] = "utf8",
    config: ConfigDict | None = None,
) -> TypeAdapter[Any]:
    """Return the adapter of an annotation; infinities and NaN, which JSON cannot hold, are refused.

    Args:
        annotation: What the values are.
        val_json_bytes: How bytes stand in JSON text, as in pydantic's configuration.
        config: What more counts for the values; see `checking`.
    """
    own = _CONFIG | ConfigDict(val_json_bytes=val_json_bytes) | (config or ConfigDict())
    try:
        return TypeAdapter(annotation, config=own)
    except PydanticUserError as error:
        if error.code != "type-adapter-config-unused":
            raise
        return TypeAdapter(
            annotation
        )  # models, dataclasses and typed dicts have a configuration of their own


def validate(adapter: TypeAdapter[Any], value: Any, place: str) -> Any:
    """Validate a value for a place in a model.

    Raises:
        ValidationError: The value does not fit; the error's title names the place.
    """
    try:
        return adapter.validator.validate_python(value)
    except ValidationError as error:
        raise placed(error, place) from None


def dump(
    adapter: TypeAdapter[Any], value: Any, place: str = "the value", exclude: dict[str, Any] | None = None
) -> bytes:
    """Return the stored JSON text of a validated value.

    Raises:
        CantSerializeRedisValueError: It cannot be stored.
    """
    return to_stored(adapter.serializer, value, place, exclude)


def to_stored(serializer: Any, value: Any, place: str, exclude: dict[str, Any] | None = None) -> bytes:
    """Return the stored JSON text of a value, by field names and never by aliases.

    Args:
        serializer: A serializer of pydantic's core.
        value: The value.
        place: What it is, for messages.
        exclude: What to leave out, as pydantic takes it.

    Raises:
        CantSerializeRedisValueError: It cannot be stored; the error names the field.
    """
    try:
        text: bytes = serializer.to_json(value, exclude=exclude, context=STORED, by_alias=False)
    except PydanticSerializationError as error:
        known = FAILURE.get()
        FAILURE.set(None)
        if known is not None and known.message in str(error):
            raise known from None
        raise CantSerializeRedisValueError(f"{place} cannot be stored: {error}", field=place) from error
    return text


def load(adapter: TypeAdapter[Any], text: bytes, place: str) -> Any:
    """Return the value of a stored JSON text.

    Raises:
        CorruptedModelError: The text does not fit the annotation.
    """
    try:
        return adapter.validator.validate_json(text, context=STORED, by_alias=False, by_name=True)
    except ValidationError as error:
        raise unreadable(error, f"the value stored at {place} does not fit", field=place) from error


def load_tolerantly(
    validator: Any, text: bytes, place: str, *, key: str | None = None, model: str | None = None
) -> tuple[Any, Tolerant]:
    """Return the value of a stored JSON text, and what was left out of it as it cannot be read.

    Args:
        validator: A validator of pydantic's core.
        text: The text, which does not fit as it stands.
        place: What it is, for messages.
        key: The Redis key, where it is a whole document.
        model: The name of the model class then.

    Raises:
        CorruptedModelError: It does not fit all the same.
    """
    context = Tolerant()
    try:
        return validator.validate_json(text, context=context, by_alias=False, by_name=True), context
    except ValidationError as error:
        if key is None:
            raise unreadable(error, f"the value stored at {place} does not fit", field=place) from error
        message = f"the document stored under {place} does not fit {model}"
        raise unreadable(error, message, key=key, model=model) from error


def undecodable(error: CantSerializeRedisValueError) -> PydanticCustomError:
    """Return what a validator raises for a stored value that cannot be decoded or may not be loaded."""
    return PydanticCustomError("rapyer_undecodable", "{reason}", {"reason": str(error)})


def undecodable_within(error: ValidationError, name: str) -> ValidationError | None:
    """Return the error for a field that holds a value that cannot be decoded; None where it is another one.

    Args:
        error: What was raised for the field's value.
        name: The field, which becomes the first part of the location.
    """
    lines = [
        InitErrorDetails(
            type=PydanticCustomError("rapyer_undecodable", "{reason}", line["ctx"]),
            loc=(name, *line["loc"]),
            input=line["input"],
        )
        for line in error.errors(include_url=False)
        if line["type"] == "rapyer_undecodable"
    ]
    return ValidationError.from_exception_data(error.title, lines) if lines else None


def unreadable(
    error: ValidationError,
    message: str,
    *,
    key: str | None = None,
    model: str | None = None,
    field: str | None = None,
) -> CorruptedModelError:
    """Return the error for a stored text that did not validate: another one where it cannot be decoded.

    Args:
        error: What pydantic says.
        message: What was read, and that it does not fit.
        key: The Redis key.
        model: The name of the model class.
        field: The place that was read, if it was not the whole document.
    """
    for line in error.errors(include_url=False, include_input=False):
        if line["type"] == "rapyer_undecodable":
            at = ".".join([*([field] if field else []), *map(str, line["loc"])])
            where = f"{model}.{at}" if model else at
            return CantSerializeRedisValueError(
                f"{where} cannot be loaded{f' from {key}' if key else ''}: {line['msg']}",
                key=key,
                model=model,
                field=at,
            )
    return CorruptedModelError(f"{message}: {error}", key=key, model=model, field=field)


def placed(error: ValidationError, place: str, config: ConfigDict | None = None) -> ValidationError:
    """Return the error with a title that names the place it is about.

    Args:
        error: What pydantic says.
        place: The place.
        config: What the model's configuration says; it may ask not to show what was given.
    """
    hide = bool((config or {}).get("hide_input_in_errors"))
    details = [
        InitErrorDetails(type=_kind(line), loc=line["loc"], input=line["input"], ctx=line.get("ctx", {}))
        for line in error.errors(include_url=False)
    ]
    return ValidationError.from_exception_data(place, details, hide_input=hide)


def _kind(line: ErrorDetails) -> Any:
    kind: Any = line["type"]
    try:
        PydanticKnownError(kind, line.get("ctx", {}))
    except KeyError:  # a validator's own error is given with its words
        return PydanticCustomError(kind, cast("Any", line["msg"]))
    return kind

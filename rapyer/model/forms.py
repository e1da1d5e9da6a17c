"""The two forms of a model: the ordinary one, as pydantic has it, and the stored one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json, to_json

from rapyer.codec.context import Tolerant, asks_for_stored_form
from rapyer.types.container import is_plain, plain
from rapyer.types.unread import report, restored, restored_text, unread_of

if TYPE_CHECKING:
    from typing_extensions import Self

    from rapyer.model.schema import ModelSpec


class TwoForms(BaseModel):
    """Dumps and validates the stored form where the context `{"__rapyer_dumped__": True}` asks for it.

    The stored form is JSON under the fields' own names, never under their aliases. A `TypeAdapter` of a type
    around models takes the same context for `dump_json` and `validate_json`; where fields have aliases it
    needs `by_alias=False`, and `by_name=True` to validate. Its `validate_python` takes no stored form.
    """

    __slots__ = ()

    if TYPE_CHECKING:
        __rapyer_spec__: ClassVar[ModelSpec]

    @classmethod
    def model_validate(cls, obj: Any, *, context: Any | None = None, **options: Any) -> Self:
        """Validate an object, or with the context the stored form as `redis_dump` gives it."""
        if context is None or not asks_for_stored_form(context):
            return super().model_validate(obj, context=context, **options)
        return cls.model_validate_json(to_json(obj), context=context, **options)

    @classmethod
    def model_validate_json(cls, json_data: Any, *, context: Any | None = None, **options: Any) -> Self:
        """Validate JSON text, or with the context the stored form as `redis_dump_json` gives it."""
        if context is None or not asks_for_stored_form(context):
            return super().model_validate_json(json_data, context=context, **options)
        options |= {"by_alias": False, "by_name": True}
        try:
            return super().model_validate_json(json_data, context=context, **options)
        except ValidationError:
            tolerant = Tolerant()
            model = super().model_validate_json(json_data, context=tolerant, **options)
        report(cls.__name__, tolerant)
        model._rapyer_attach(from_json(json_data), tolerant)  # type: ignore[attr-defined]  # on models of ours
        return model

    def model_dump(self, *, context: Any | None = None, **options: Any) -> dict[str, Any]:
        """Return the fields as Python values, or with the context as they are stored."""
        if context is not None and asks_for_stored_form(context):
            options |= {"mode": "json", "by_alias": False}
            options.setdefault("exclude", self.__rapyer_spec__.outside)
            stored: dict[str, Any] = restored(self, super().model_dump(context=context, **options))
            return stored if is_plain(self) else plain(stored)
        dumped = super().model_dump(context=context, **options)
        # An element that was read from a list stays in it as a Redis type, which knows its place.
        return dumped if is_plain(self) else plain(dumped)

    def model_dump_json(self, *, context: Any | None = None, **options: Any) -> str:
        """Return the fields as JSON text, or with the context as they are stored."""
        if context is not None and asks_for_stored_form(context):
            options |= {"by_alias": False}
            options.setdefault("exclude", self.__rapyer_spec__.outside)
            text = super().model_dump_json(context=context, **options)
            return text if unread_of(self) is None else restored_text(self, text.encode()).decode()
        return super().model_dump_json(context=context, **options)

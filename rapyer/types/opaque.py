"""Values of types that are no Redis types: enums, dates, UUIDs, tuples, dataclasses, anything (`Any`).

They stand in Redis as base64 of a pickle, or as plain JSON where `Meta.prefer_normal_json_dump` asks for it
and nothing is lost; both forms are read (decision D15). Outside the stored form they are what pydantic makes
of them, and constructing a model, or dumping it to Python, costs nothing more.
"""

from __future__ import annotations

from enum import Enum
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_core import CoreSchema, PydanticCustomError, PydanticOmit, core_schema, from_json, to_json

from rapyer.codec import adapters
from rapyer.codec.context import FAILURE, STORED, Tolerant, is_stored_form
from rapyer.codec.lossless import has_no_number, is_beyond_json, same
from rapyer.codec.pickled import PickleRules, looks_pickled, may_be_pickled
from rapyer.errors import CantSerializeRedisValueError
from rapyer.types.named import names_of

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, SerializationInfo, ValidationInfo

    from rapyer.config import RedisConfig

_LOSSY: Any = object()
_MOST_KNOWN = 512
_JSON_TYPES = {str, int, float, bool, type(None), list, dict}


class Opaque:
    """Marks an annotation whose values are stored as a whole; it goes last in the metadata.

    Args:
        annotation: What the values are, with its constraints.
        owner: The model class whose `Meta` says how they are stored, as it stands at each call.
        place: The field, such as `User.color`.
        element: Whether the values stand in a list or dict, where None is stored like any other value.
        native: Whether they are always written as JSON, and this only reads the other form, too.
        safe: Whether one that cannot be read is left out; else `Meta.safe_load_all` says so.
    """

    def __init__(
        self,
        annotation: Any,
        owner: Any,
        place: str,
        *,
        element: bool = False,
        native: bool = False,
        safe: bool = False,
    ) -> None:
        self.annotation = annotation
        self.owner = owner
        self.place = place
        self.element = element
        self.native = native
        self.safe = safe
        self._options: Any = None
        self._rules: PickleRules
        self._known: dict[Any, Any] = {}

    def _identity(self) -> tuple[Any, ...]:
        return (self.owner, self.place, self.element, self.native, self.safe)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Opaque)
            and self._identity() == other._identity()
            and bool(self.annotation == other.annotation)
        )

    def __hash__(self) -> int:
        return hash(self._identity())

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        plain = handler(source)
        return core_schema.json_or_python_schema(
            core_schema.with_info_wrap_validator_function(self._load, plain),
            plain,
            serialization=core_schema.wrap_serializer_function_ser_schema(
                self._dump, info_arg=True, schema=plain, when_used="json"
            ),
        )

    @cached_property
    def _adapter(self) -> Any:
        return adapters.adapter_for(self.annotation)

    def _rules_of(self, meta: RedisConfig) -> PickleRules:
        options = (meta.trust_pickle, meta.pickle_allow, meta.pickle_key)
        if self._options != options:
            self._rules = self._make_rules(meta)
            self._options = options
            self._known = {}
        return self._rules

    def _make_rules(self, meta: RedisConfig) -> PickleRules:
        names = names_of([self.annotation, *meta.pickle_allow])
        return PickleRules(self.place, names, meta.trust_pickle, meta.pickle_key)

    # --- reading -------------------------------------------------------------------------------------------

    def _load(self, value: Any, handler: Any, info: ValidationInfo) -> Any:
        try:
            if type(value) is not str or not is_stored_form(info):
                return self._from_json(value, handler, info)
            if looks_pickled(value):
                return self._unpickled(value)
            try:
                return self._from_json(value, handler, info)
            except ValidationError as misfit:
                if not may_be_pickled(value):
                    raise _undecodable(f"what is stored does not fit: {reason_of(misfit)}") from misfit
                # Protocols 0 and 1 have no mark of their own, so they come last.
                return self._unpickled(value)
        except (ValidationError, PydanticCustomError) as error:
            context: Any = info.context
            if not isinstance(context, Tolerant) or not (self.safe or self.owner.Meta.safe_load_all):
                raise
            if self.native and not isinstance(value, str):
                raise  # it is no pickle that cannot be read
            return self._left_out(value, handler, info, error)

    def _left_out(self, value: Any, handler: Any, info: ValidationInfo, error: ValueError) -> Any:
        """Return None for a value that cannot be read; an element is dropped."""
        context: Any = info.context
        unread, name = context.note(info, self.place, reason_of(error))
        if self.element:
            unread.dropped.setdefault(name, []).append(value)
            raise PydanticOmit
        unread.fields.append(name)
        try:
            return handler(None)
        except ValidationError:
            failure = CantSerializeRedisValueError(
                reason_of(error), hint="for SafeLoad to leave it out, the field must allow None"
            )
            raise adapters.undecodable(failure) from error

    def _unpickled(self, text: str) -> Any:
        rules = self._rules_of(self.owner.Meta)
        known = self._known.get(text, _LOSSY)
        if known is not _LOSSY:
            return known
        try:
            loaded = rules.read(text)
        except CantSerializeRedisValueError as error:
            raise adapters.undecodable(error) from error
        # Not by the handler: it takes what it is given for JSON, and some types are stricter there.
        value = self._adapter.validator.validate_python(loaded)
        if isinstance(value, Enum):
            self._remember(text, value)
        return value

    def _remember(self, one: Any, other: Any) -> None:
        # The members of an enum are few and never change, and both directions cost some microseconds.
        if len(self._known) < _MOST_KNOWN:
            self._known[one] = other

    def _from_json(self, value: Any, handler: Any, info: ValidationInfo) -> Any:
        # Behind a Python function pydantic no longer takes text and arrays for what JSON means by them in
        # strict mode, or for bytes in base64; then the value is read again as JSON.
        if type(value) not in _JSON_TYPES:  # a default
            return self._adapter.validator.validate_python(value)
        config: Any = info.config or {}
        plain_bytes = config.get("val_json_bytes", "utf8") == "utf8"
        try:
            if plain_bytes:
                return handler(value)
        except ValidationError:
            if type(value) not in {str, list, dict}:
                raise
            try:
                return self._reread(value, config)
            except ValidationError:
                pass
            raise
        return self._reread(value, config) if type(value) in {str, list, dict} else handler(value)

    def _reread(self, value: Any, config: Any) -> Any:
        strict = True if config.get("strict") else None
        adapter = adapters.adapter_for(self.annotation, val_json_bytes=config.get("val_json_bytes", "utf8"))
        return adapter.validator.validate_json(to_json(value), strict=strict)

    # --- writing -------------------------------------------------------------------------------------------

    def _dump(self, value: Any, handler: Any, info: SerializationInfo) -> Any:
        if self.native or not is_stored_form(info) or (value is None and not self.element):
            return handler(value)
        try:
            return self._stored(value, handler)
        except CantSerializeRedisValueError as error:
            FAILURE.set(error)
            raise

    def _stored(self, value: Any, handler: Any) -> Any:
        if has_no_number(value):
            raise CantSerializeRedisValueError(
                f"{self.place} holds NaN or an infinity, which is not stored", field=self.place
            )
        plain = getattr(type(value), "__rapyer_plain__", None)
        if plain is not None:
            value = plain.model_validate(value.model_dump())
        meta: RedisConfig = self.owner.Meta
        if meta.prefer_normal_json_dump:
            dumped = self._lossless_json(value, handler)
            if dumped is not _LOSSY:
                return dumped
        rules = self._rules_of(meta)
        if not isinstance(value, Enum):
            return rules.write(value)
        text = self._known.get(id(value))  # an enum may define equality, but not hashing
        if text is None:
            text = rules.write(value)
            self._remember(id(value), text)
        return text

    def _lossless_json(self, value: Any, handler: Any) -> Any:
        try:
            dumped = handler(value)
            text = to_json(dumped)
            again = self._adapter.validator.validate_json(text, context=STORED, by_alias=False, by_name=True)
        except Exception:  # there is no JSON for it, whatever the reason
            return _LOSSY
        stored = from_json(text)
        if (isinstance(stored, str) and looks_pickled(stored)) or is_beyond_json(stored):
            return _LOSSY  # would be taken for a pickle, or lose digits on the server
        return dumped if same(value, again) else _LOSSY


def _undecodable(reason: str) -> PydanticCustomError:
    return adapters.undecodable(CantSerializeRedisValueError(reason))


def reason_of(error: ValueError) -> str:
    """Return in one line why a value was refused."""
    if isinstance(error, ValidationError):
        return str(error.errors(include_url=False, include_input=False)[0]["msg"])
    return error.message() if isinstance(error, PydanticCustomError) else str(error)

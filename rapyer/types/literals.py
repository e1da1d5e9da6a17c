"""Values out of a fixed list (`Literal`)."""

from __future__ import annotations

import base64
import pickle  # noqa: S403 - only dumps: the list of stored texts is finite, so nothing is ever unpickled
from typing import TYPE_CHECKING, Any

from pydantic_core import CoreSchema, core_schema

from rapyer.codec.context import is_stored_form
from rapyer.codec.pickled import PickleRules
from rapyer.types.opaque import Opaque

if TYPE_CHECKING:
    from pydantic import GetCoreSchemaHandler, ValidationInfo

    from rapyer.config import RedisConfig


class OpaqueLiteral(Opaque):
    """Marks a `Literal`: stored like other types that are no Redis types, but read without unpickling.

    The pickle of each value is a literal, too, so the field can tell the members of a union apart
    (`discriminator`) in both forms. Such values are not signed: they can be nothing but what is listed.
    """

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        plain = handler(source)
        if plain["type"] != "literal":
            return super().__get_pydantic_core_schema__(source, handler)
        values = {_stored(value, protocol): value for value in plain["expected"] for protocol in range(6)}

        def chosen(text: str, info: ValidationInfo) -> Any:
            if not is_stored_form(info):
                raise ValueError("the value is none of those listed")
            return values[text]

        stored = core_schema.with_info_after_validator_function(
            chosen, core_schema.literal_schema(list(values))
        )
        *others, last = map(repr, plain["expected"])
        return core_schema.union_schema(
            [plain, stored],
            mode="left_to_right",
            custom_error_type="literal_error",
            custom_error_context={"expected": f"{', '.join(others)} or {last}" if others else last},
            serialization=core_schema.wrap_serializer_function_ser_schema(
                self._dump, info_arg=True, schema=plain, when_used="json"
            ),
            metadata={"plain": plain},
        )

    def __get_pydantic_json_schema__(self, schema: Any, handler: Any) -> Any:
        return handler((schema.get("metadata") or {}).get("plain", schema))

    def _make_rules(self, meta: RedisConfig) -> PickleRules:
        # Whatever Meta says: the text must be one of those that are read.
        return PickleRules(self.place, {}, trust=True)


def _stored(value: Any, protocol: int) -> str:
    return base64.b64encode(pickle.dumps(value, protocol)).decode()

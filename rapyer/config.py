"""What a model class can be configured with: its `Meta`."""

from __future__ import annotations

from collections.abc import Callable  # noqa: TC003 - pydantic needs it at run time
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, field_validator

from rapyer.actions import ActionGroup
from rapyer.errors import InvalidRefreshTtlError

DEFAULT_CONNECTION = "redis://localhost:6379/0"
"""Where models without a connection of their own go when nothing was bound."""

MOST_SECONDS = 9_000_000_000_000_000
"""The longest time to live: Redis adds it to the present, in 64 bits of milliseconds."""


def checked_ttl(seconds: Any) -> int:
    """Return seconds that something may have to live.

    Raises:
        ValueError: They are no positive int, or more than Redis can hold.
    """
    if isinstance(seconds, bool) or not isinstance(seconds, int) or seconds <= 0:
        raise ValueError(f"a time to live is a positive int of seconds, not {seconds!r}")
    if seconds > MOST_SECONDS:
        raise ValueError(f"a time to live is at most {MOST_SECONDS} seconds, not {seconds}")
    return seconds


class RedisConfig(BaseModel):
    """Options of one model class, assigned to its `Meta`.

    A class inherits the values of its parent and owns its copy: changing `User.Meta` changes no other
    class. A change takes effect at the next call.

    Attributes:
        redis: A `redis.asyncio` client (`Redis`, `RedisCluster`, or one that a Sentinel made) or a Redis URL
            for this class alone; by default the class uses what `init_rapyer` bound.
        ttl: Seconds after which a stored instance expires, with all its keys; `None` keeps it. Storing it
            sets the time, and `refresh_ttl` says what starts it anew. Of nested models the outermost decides.
        refresh_ttl: Which operations start the time to live anew: all (True), none (False), or those of some
            groups, such as `ActionGroup.UPDATE | ActionGroup.APPEND`.
        init_with_rapyer: Whether `init_rapyer`, `find_redis_models` and the module functions know the class.
        exactly_once: Whether a write that must not run twice (an increment, an append, a pop, a pipeline that
            has one) is sent with a token that the server remembers for ten minutes, so that it can be sent
            again when its reply was lost. Without it such a write ends in `UnknownOutcomeError`.
        remember_loaded: Whether each instance keeps the text of the document that it was loaded from, which
            `asave(if_unchanged=True)` and `asave(only_changed=True)` compare with. It takes that much memory.
        max_delete_per_transaction: The most keys that one transaction of a bulk delete removes.
        max_key_bytes: The longest key that an instance may be stored under; `None` for any.
        max_document_bytes: The longest JSON text that an instance may be stored as by `asave` or `ainsert`;
            `None` for any. What operations on its fields add later is not counted.
        prefer_normal_json_dump: Whether values that are no Redis types (enums, dates, UUIDs, …) are stored as
            plain JSON wherever that loses nothing, instead of pickled. Both forms are read, so loading and
            saving a document brings it into the form asked for.
        safe_load_all: Whether all fields are as if they were marked `SafeLoad`: what cannot be read does not
            keep the model from loading. For fields of type `bool` or `bytes`, and for sets, it counts as it
            is when the class is defined.
        trust_pickle: Whether stored pickles may load anything, which lets whoever can write to this Redis run
            code here. Without it they may name the classes in the field's annotation and plain value types.
        pickle_allow: Classes, or functions that make values, which stored pickles may name besides.
        pickle_key: What pickled values are signed with (HMAC-SHA256, bound to their field); values without a
            right signature are refused then. Fields of type `bytes` are not signed: they can hold only bytes.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, validate_assignment=True, extra="forbid")

    redis: Any = Field(default=None, repr=False)  # a URL may hold a password
    ttl: Annotated[int, Field(gt=0, le=MOST_SECONDS, strict=True)] | None = None
    refresh_ttl: bool | ActionGroup = True
    init_with_rapyer: bool = True
    exactly_once: bool = False
    remember_loaded: bool = False
    max_delete_per_transaction: Annotated[int, Field(gt=0, strict=True)] | None = 1000
    max_key_bytes: Annotated[int, Field(gt=0, strict=True)] | None = None
    max_document_bytes: Annotated[int, Field(gt=0, strict=True)] | None = None
    prefer_normal_json_dump: bool = False
    safe_load_all: bool = False
    trust_pickle: bool = False
    pickle_allow: tuple[Callable[..., Any], ...] = ()
    pickle_key: Annotated[bytes, Field(min_length=16, strict=True)] | None = Field(default=None, repr=False)

    @field_validator("refresh_ttl", mode="plain")
    @classmethod
    def _check_refresh_ttl(cls, value: Any) -> bool | ActionGroup:
        if not isinstance(value, bool | ActionGroup):
            raise ValueError("refresh_ttl is True, False or some of the groups of ActionGroup")
        if isinstance(value, ActionGroup) and ActionGroup.DELETE in value:
            raise InvalidRefreshTtlError(
                "refresh_ttl cannot name ActionGroup.DELETE, after which no key is left",
                hint="leave it out, or use ActionGroup.all(for_ttl=True)",
            )
        return value

    def refreshes(self, groups: int) -> bool:
        """Tell whether operations of any of some groups start the time to live anew, where there is one.

        Args:
            groups: The value of the flags.
        """
        chosen = self.refresh_ttl
        if isinstance(chosen, bool):
            return bool(groups and chosen)
        return bool(chosen.value & groups)

    def inheriting(self, parent: RedisConfig) -> RedisConfig:
        """Return these options, with the parent's values for those that were not given."""
        inherited = {name: getattr(parent, name) for name in type(self).model_fields}
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_construct(_fields_set=set(self.model_fields_set), **(inherited | given))

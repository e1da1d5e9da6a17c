"""What a model class can be configured with: its `Meta`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

DEFAULT_CONNECTION = "redis://localhost:6379/0"
"""Where models without a connection of their own go when nothing was bound."""


class RedisConfig(BaseModel):
    """Options of one model class, assigned to its `Meta`.

    A class inherits the values of its parent and owns its copy: changing `User.Meta` changes no other
    class. A change takes effect at the next call.

    Attributes:
        redis: A `redis.asyncio` client or a Redis URL for this class alone; by default the class uses
            what `init_rapyer` bound.
        ttl: Seconds after which a stored instance expires, counted from each save; `None` keeps it.
        init_with_rapyer: Whether `init_rapyer`, `find_redis_models` and the module functions know the class.
        max_delete_per_transaction: The most keys that one transaction of a bulk delete removes.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, validate_assignment=True, extra="forbid")

    redis: Any = None
    ttl: Annotated[int, Field(gt=0, strict=True)] | None = None
    init_with_rapyer: bool = True
    max_delete_per_transaction: Annotated[int, Field(gt=0, strict=True)] | None = 1000

    def inheriting(self, parent: RedisConfig) -> RedisConfig:
        """Return these options, with the parent's values for those that were not given."""
        inherited = {name: getattr(parent, name) for name in type(self).model_fields}
        given = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_construct(_fields_set=set(self.model_fields_set), **(inherited | given))

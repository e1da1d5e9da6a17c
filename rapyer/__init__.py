"""Pydantic models in Redis, with atomic operations on every field."""

from rapyer.base import AtomicRedisModel, find_redis_models
from rapyer.config import RedisConfig
from rapyer.distribution import warn_of_conflict as _warn_of_conflict
from rapyer.fields import Index, Key, RapyerKey
from rapyer.functions import (
    adelete_many,
    aexists,
    afind,
    afind_one,
    aget,
    ainsert,
    alock_from_key,
    apipeline,
)
from rapyer.lifecycle import init_rapyer, teardown_rapyer
from rapyer.result import DeleteResult, RapyerDeleteResult

__distribution__ = "rapyer-nb"

__all__ = (
    "AtomicRedisModel",
    "DeleteResult",
    "Index",
    "Key",
    "RapyerDeleteResult",
    "RapyerKey",
    "RedisConfig",
    "adelete_many",
    "aexists",
    "afind",
    "afind_one",
    "aget",
    "ainsert",
    "alock_from_key",
    "apipeline",
    "find_redis_models",
    "init_rapyer",
    "teardown_rapyer",
)

_warn_of_conflict()

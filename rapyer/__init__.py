"""Pydantic models in Redis, with atomic operations on every field."""

from rapyer.base import AtomicRedisModel, find_redis_models
from rapyer.distribution import warn_of_conflict as _warn_of_conflict
from rapyer.fields import Index, Key, RapyerKey
from rapyer.functions import aexists, afind, afind_one, aget, ainsert, apipeline
from rapyer.lifecycle import init_rapyer, teardown_rapyer

__distribution__ = "rapyer-nb"

__all__ = (
    "AtomicRedisModel",
    "Index",
    "Key",
    "RapyerKey",
    "aexists",
    "afind",
    "afind_one",
    "aget",
    "ainsert",
    "apipeline",
    "find_redis_models",
    "init_rapyer",
    "teardown_rapyer",
)

_warn_of_conflict()

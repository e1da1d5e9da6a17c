"""Pydantic models in Redis, with atomic operations on every field."""

from rapyer.actions import ActionGroup
from rapyer.base import AtomicRedisModel, find_redis_models
from rapyer.config import RedisConfig
from rapyer.distribution import warn_of_conflict as _warn_of_conflict
from rapyer.fields import FifoTies, Index, Key, RapyerKey, SafeLoad
from rapyer.functions import (
    adelete_many,
    aexists,
    afind,
    afind_one,
    aget,
    aget_or_create,
    ainsert,
    alock_from_key,
    apipeline,
)
from rapyer.lifecycle import aindex_plan, init_rapyer, teardown_rapyer
from rapyer.relations import acheck_references, afetch_all, areferrers
from rapyer.result import (
    BrokenReference,
    CascadeResult,
    DeleteResult,
    FetchResult,
    GetOrCreateResult,
    GetOrCreateStatus,
    Page,
    RapyerDeleteResult,
    ReferenceReport,
    UpdateResult,
)
from rapyer.search.plan import IndexPlan
from rapyer.watching import Change, ChangeStream, awatch

__distribution__ = "rapyer-nb"

__all__ = (
    "ActionGroup",
    "AtomicRedisModel",
    "BrokenReference",
    "CascadeResult",
    "Change",
    "ChangeStream",
    "DeleteResult",
    "FetchResult",
    "FifoTies",
    "GetOrCreateResult",
    "GetOrCreateStatus",
    "Index",
    "IndexPlan",
    "Key",
    "Page",
    "RapyerDeleteResult",
    "RapyerKey",
    "RedisConfig",
    "ReferenceReport",
    "SafeLoad",
    "UpdateResult",
    "acheck_references",
    "adelete_many",
    "aexists",
    "afetch_all",
    "afind",
    "afind_one",
    "aget",
    "aget_or_create",
    "aindex_plan",
    "ainsert",
    "alock_from_key",
    "apipeline",
    "areferrers",
    "awatch",
    "find_redis_models",
    "init_rapyer",
    "teardown_rapyer",
)

_warn_of_conflict()

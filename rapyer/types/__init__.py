"""The Redis-backed field types."""

from rapyer.types.base import BaseRedisType, RedisType
from rapyer.types.bytes import RedisBytes
from rapyer.types.datetime import RedisDatetime, RedisDatetimeTimestamp
from rapyer.types.dict import RedisDict
from rapyer.types.float import RedisFloat
from rapyer.types.integer import RedisInt
from rapyer.types.list import RedisList
from rapyer.types.partial import Partial as _Partial  # noqa: F401 - gives the types their partial ones
from rapyer.types.priority_queue import PriorityQueueItem, RedisPriorityQueue
from rapyer.types.reference import ForeignKey, Reference, RelationalFieldType
from rapyer.types.set import RedisSet
from rapyer.types.special import SpecialFieldType
from rapyer.types.string import RedisStr

__all__ = (
    "BaseRedisType",
    "ForeignKey",
    "PriorityQueueItem",
    "RedisBytes",
    "RedisDatetime",
    "RedisDatetimeTimestamp",
    "RedisDict",
    "RedisFloat",
    "RedisInt",
    "RedisList",
    "RedisPriorityQueue",
    "RedisSet",
    "RedisStr",
    "RedisType",
    "Reference",
    "RelationalFieldType",
    "SpecialFieldType",
)

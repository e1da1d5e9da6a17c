"""Models that refer to many others. Its annotations are no strings, which rapyer 1.3.6 cannot convert."""

from typing import Annotated

from rapyer import AtomicRedisModel
from rapyer.cascade import CascadeTTL
from rapyer.config import RedisConfig
from rapyer.types import Reference

TTL = 1000
"""Seconds that all of them live."""


class BenchLeaf(AtomicRedisModel):
    Meta = RedisConfig(ttl=TTL)
    number: int = 0


class BenchShelf(AtomicRedisModel):
    Meta = RedisConfig(ttl=TTL)
    leaves: Annotated[list[Reference[BenchLeaf]], CascadeTTL()] = []

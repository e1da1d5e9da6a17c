"""A live feed of changes in Redis, over one connection for all who watch."""

from rapyer.live.feed import LiveFeed, Source, feed_for
from rapyer.live.watches import FeedState, Mode, PrefixWatch, Watch

__all__ = ["FeedState", "LiveFeed", "Mode", "PrefixWatch", "Source", "Watch", "feed_for"]

"""A live feed of changes in Redis, over one connection for all who watch."""

from rapyer_nb.live.feed import LiveFeed, Source, feed_for
from rapyer_nb.live.watches import FeedState, PrefixWatch, Watch

__all__ = ["FeedState", "LiveFeed", "PrefixWatch", "Source", "Watch", "feed_for"]

"""A live feed of changes in Redis, over one connection for all who watch."""

from rapyer_nb.live.feed import FeedState, LiveFeed, Source, Watch, feed_for

__all__ = ["FeedState", "LiveFeed", "Source", "Watch", "feed_for"]

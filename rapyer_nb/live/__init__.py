"""The live feed of the library, as far as the toolkit uses it."""

from rapyer.live import FeedState, LiveFeed, Mode, PrefixWatch, Source, Watch, feed_for

__all__ = ["FeedState", "LiveFeed", "Mode", "PrefixWatch", "Source", "Watch", "feed_for"]

"""What is said when no server can be had."""

import platform
import sys
from collections.abc import Sequence

from rapyer_nb.server.keeper.messages import Attempt


class EmbeddedServerError(RuntimeError):
    """The embedded server cannot be started or used; the message says why and what to do."""


class EmbeddedServerWarning(UserWarning):
    """A server that the user has chosen was passed over."""


def nothing_serves(tried: Sequence[Attempt]) -> EmbeddedServerError:
    """Make the error that lists what was tried, why each failed, and what to install here."""
    lines = ["no embedded Redis with JSON and Search could be started. Tried:"]
    lines += [f"  - {attempt.name}: {attempt.reason}" for attempt in tried]
    lines += ["What helps:", *(f"  - {cure}" for cure in cures())]
    return EmbeddedServerError("\n".join(lines))


def cures() -> list[str]:
    """Return what the user of this platform can do to get a server."""
    url = "set REDIS_URL to a running Redis 8 or Redis Stack"
    own = "set RAPYER_REDIS_SERVER to a redis-server that has both modules"
    if wheels_exist(sys.platform, platform.machine(), sys.version_info[:2]):
        return ['pip install "rapyer-nb[lab]"', own, url]
    if sys.platform == "darwin":
        return ["brew tap redis/redis && brew install --cask redis", own, url]
    return [url, own]


def wheels_exist(system: str, machine: str, python: tuple[int, ...]) -> bool:
    """Return whether PyPI has both wheels of the embedded server for a platform."""
    if system == "linux":
        return machine == "x86_64"
    return system == "darwin" and machine == "arm64" and python == (3, 11)

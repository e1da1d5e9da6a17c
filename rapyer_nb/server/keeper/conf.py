"""The configuration of the server: given on standard input, so that no secret is on a command line."""

from typing import NamedTuple


class ServerConfig(NamedTuple):
    """What differs between servers; `keep` says whether the directory keeps the data."""

    socket: str
    directory: str
    keep: bool
    modules: tuple[str, ...]
    password: str | None = None


def config_text(config: ServerConfig) -> str:
    """Write the configuration.

    No port is opened here, only the unix socket. Nothing is evicted when memory is short: a database of
    models must refuse a write rather than lose another one. The notifications are those that live views
    need: keyspace events of module types, generic commands and expiry.
    """
    lines = [
        "daemonize no",
        "supervised no",
        "port 0",
        "bind 127.0.0.1",
        "protected-mode yes",
        f"unixsocket {quoted(config.socket)}",
        "unixsocketperm 700",
        f"dir {quoted(config.directory)}",
        'logfile ""',
        "loglevel notice",
        'save ""',
        f"appendonly {'yes' if config.keep else 'no'}",
        "appendfsync everysec",
        "maxmemory-policy noeviction",
        "notify-keyspace-events Kdgx",
    ]
    if config.password is not None:
        lines.append(f"requirepass {quoted(config.password)}")
    lines += [f"loadmodule {quoted(path)}" for path in config.modules]
    return "\n".join(lines) + "\n"


def quoted(text: str) -> str:
    """Quote a value the way redis.conf reads it, whatever characters a path may have."""
    safe = [
        "\\" + char if char in '"\\' else f"\\x{ord(char):02x}" if ord(char) < 32 else char for char in text
    ]
    return '"' + "".join(safe) + '"'

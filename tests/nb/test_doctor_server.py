"""The doctor's look at servers: each illness is a real one."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis

from rapyer import AtomicRedisModel, Index
from rapyer_nb.doctor import acheck
from rapyer_nb.doctor.clock import told
from rapyer_nb.errors import NotebookError
from tests.servers import Server, command_line, redis_server, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from rapyer.session.clients import ClientSource
    from rapyer_nb.doctor import Finding, Report
    from rapyer_nb.server import EmbeddedServer


class SickUser(AtomicRedisModel):
    name: Index[str] = ""


@pytest.fixture(scope="module")
def _server(tmp_path_factory: pytest.TempPathFactory, rapyer_redis: EmbeddedServer) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("sick")
    with redis_server(folder, command_line(rapyer_redis)) as server:
        yield server


@pytest.fixture
def server(_server: Server) -> Server:
    """A server of this file, empty, as it was started."""
    _server.ask("FLUSHALL")
    return _server


@contextmanager
def configured(server: Server, **settings: str) -> Iterator[None]:
    before = {name: server.ask("CONFIG", "GET", name)[1] for name in settings}
    for name, value in settings.items():
        server.ask("CONFIG", "SET", name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            server.ask("CONFIG", "SET", name, value)


def url_of(server: Server, login: str = "", database: int = 0) -> str:
    return f"redis://{login}127.0.0.1:{server.port}/{database}"


def section(report: Report, title: str) -> tuple[Finding, ...]:
    return next(one.findings for one in report.sections if one.title == title)


def found(report: Report, text: str) -> Finding:
    matching = [finding for finding in report if text in finding.text]
    assert len(matching) == 1, report.text()
    return matching[0]


async def examined(server: Server, **options: Any) -> Report:
    return await acheck(url_of(server), **{"models": (), **options})


async def test_a_healthy_server_is_told_to_be_one(server: Server) -> None:
    with configured(server, appendonly="yes"):
        report = await examined(server, models=[SickUser])
    assert not report.is_broken
    assert [finding.text for finding in report.of("warning")] == [
        "SickUser: idx:SickUser is missing: it is built before the first search"
    ]
    assert found(report, "answers: Redis 8").verdict == "fine"
    assert "standalone" in section(report, "Server")[0].text
    assert "a round trip to the server takes" in section(report, "Latency")[0].text
    assert found(report, "the server has RedisJSON").text.endswith("it knows all 15 of its commands")
    assert found(report, "the server has RediSearch").verdict == "fine"
    assert found(report, "writes each change to disk (appendonly yes)").verdict == "fine"
    assert found(report, "the user may do all that is needed for SickUser").verdict == "fine"
    assert found(report, "changes are heard at once, by CLIENT TRACKING").verdict == "fine"
    assert found(report, "keyspace notifications are off").verdict == "unchecked"
    assert found(report, "the clocks here and on the server differ by less than").verdict == "fine"


async def test_it_changes_nothing_and_never_asks_for_all_keys(server: Server) -> None:
    server.ask("JSON.SET", "SickUser:1", "$", '{"name": "Ada"}')
    server.ask("EXPIRE", "SickUser:1", 500)
    server.ask("CONFIG", "RESETSTAT")

    def changes() -> str:
        said: str = server.ask("INFO", "persistence")
        return next(line for line in said.splitlines() if line.startswith("rdb_changes_since_last_save"))

    before = changes()
    report = await examined(server, models=[SickUser])
    assert not report.is_broken
    assert changes() == before
    assert server.ask("TTL", "SickUser:1") <= 500
    sent = server.ask("INFO", "commandstats")
    assert "cmdstat_scan:" in sent
    assert "cmdstat_keys:" not in sent
    assert server.ask("FT._LIST") == []


async def test_no_server(server: Server) -> None:
    report = await acheck("redis://:top%2Dsecret@127.0.0.1:1/0", models=[SickUser])
    finding = section(report, "Server")[0]
    assert finding.verdict == "broken"
    assert finding.text.startswith("redis://:***@127.0.0.1:1/0 cannot be reached: ")
    assert "start that server, or name another one: --redis URL, or REDIS_URL" in finding.cure
    assert section(report, "Not checked")[0].text.startswith("without a server: latency, modules, memory")
    assert "secret" not in report.text() + report.html() + report.json()


@pytest.mark.parametrize(
    ("url", "text", "cure"),
    [
        ("http://:top-secret@127.0.0.1:1", "what the address gives is no Redis URL", "the form is redis://"),
        ("redis://:top/sec@ret@127.0.0.1:1", "is no Redis URL", "in a password, write @ / ? #"),
        ("redis://:top-secret@127.0.0.1:1/0?nothing=1", "an option in its URL", "take it out of the URL"),
    ],
)
async def test_a_url_that_is_none(url: str, text: str, cure: str) -> None:
    report = await acheck(url, models=())
    finding = section(report, "Server")[0]
    assert finding.verdict == "broken"
    assert text in finding.text
    assert cure in finding.cure
    assert not any(part in report.text() for part in ("secret", "sec@ret", "top"))


async def test_a_wrong_password(server: Server) -> None:
    server.ask("ACL", "SETUSER", "ada", "on", ">right", "~*", "&*", "+@all")
    try:
        report = await acheck(url_of(server, "ada:wr%40ng@"), models=())
    finally:
        server.ask("ACL", "DELUSER", "ada")
    finding = section(report, "Server")[0]
    assert finding.verdict == "broken"
    assert "refuses the connection: invalid username-password pair or user is disabled" in finding.text
    assert finding.cure.startswith("check the user and the password in the URL")
    assert "wr@ng" not in report.text()
    assert "wr%40ng" not in report.text()


async def test_a_missing_password(server: Server) -> None:
    server.ask("ACL", "SETUSER", "rescue", "on", ">rescue", "~*", "&*", "+@all")
    server.ask("ACL", "SETUSER", "default", "resetpass")
    try:
        report = await examined(server)
    finally:
        async with Redis(port=server.port, username="rescue", password="rescue") as client:
            await client.execute_command("ACL", "SETUSER", "default", "nopass")  # type: ignore[no-untyped-call]
        server.ask("ACL", "DELUSER", "rescue")
    finding = section(report, "Server")[0]
    assert finding.verdict == "broken"
    assert "refuses the connection" in finding.text
    assert finding.cure.startswith("check the user and the password")


async def test_a_server_without_modules(tmp_path: Path, rapyer_redis: EmbeddedServer) -> None:
    with redis_server(tmp_path, [str(rapyer_redis.executable)]) as plain:
        report = await examined(plain)
        assert found(report, "lacks the module RedisJSON").verdict == "broken"
        assert found(report, "lacks the module RedisJSON").cure.startswith(
            "use a server that has it, such as"
        )
        assert found(report, "lacks the module RediSearch").verdict == "warning"
        with_index = await examined(plain, models=[SickUser])
    assert found(with_index, "lacks the module RediSearch").verdict == "broken"
    assert "could not be checked: MissingModuleError" in section(with_index, "Indexes")[0].text


@pytest.mark.parametrize(
    ("settings", "verdict", "text"),
    [
        (
            {"maxmemory-policy": "allkeys-lru"},
            "fine",
            "no memory limit, so maxmemory-policy allkeys-lru deletes",
        ),
        (
            {"maxmemory": "2000000000", "maxmemory-policy": "allkeys-lru"},
            "warning",
            "deletes any key when 2000.0 MB are used (maxmemory-policy allkeys-lru): models will vanish",
        ),
        (
            {"maxmemory": "2000000000", "maxmemory-policy": "volatile-ttl"},
            "warning",
            "and locks before they are released",
        ),
        ({"maxmemory": "2000000000"}, "fine", "of its limit 2000.0 MB"),
        ({"save": "900 1"}, "fine", "writes snapshots to disk (save 900 1): a crash loses what is newer"),
    ],
)
async def test_memory_and_disk(server: Server, settings: dict[str, str], verdict: str, text: str) -> None:
    with configured(server, **settings):
        report = await examined(server)
    finding = found(report, text)
    assert finding.verdict == verdict
    assert ("maxmemory-policy noeviction" in finding.cure) is (verdict == "warning")


async def test_a_server_whose_memory_is_full(server: Server) -> None:
    with configured(server, maxmemory="100000"):
        report = await examined(server)
    finding = found(report, "it refuses writes")
    assert finding.verdict == "broken"
    assert "of its limit 100.0 KB" in finding.text
    assert "CONFIG SET maxmemory with more bytes" in finding.cure


async def test_data_that_is_not_kept(server: Server) -> None:
    finding = found(await examined(server), "keeps nothing on disk: a restart loses all")
    assert (finding.verdict, finding.cure) == (
        "warning",
        "CONFIG SET appendonly yes, unless the data may be lost",
    )
    assert found(await examined(server, kept=False), "keeps nothing on disk").verdict == "fine"


class Limited:
    """A user that may not do everything."""

    def __init__(self, server: Server) -> None:
        self._server = server

    @contextmanager
    def __call__(self, *rules: str) -> Iterator[str]:
        self._server.ask("ACL", "SETUSER", "limited", "reset", "on", ">secret", *rules)
        try:
            yield url_of(self._server, "limited:secret@")
        finally:
            self._server.ask("ACL", "DELUSER", "limited")


@pytest.fixture
def limited(server: Server) -> Limited:
    return Limited(server)


async def test_a_user_without_rights(limited: Limited) -> None:
    with limited("+ping") as url:
        report = await acheck(url, models=[SickUser])
    assert found(report, "but this user may not ask what it is").verdict == "unchecked"
    finding = section(report, "Permissions")[0]
    assert finding.verdict == "broken"
    assert "may not run JSON.GET, JSON.MGET" in finding.text
    assert finding.text.endswith("so models cannot be read")
    assert "+json.get" in finding.cure
    assert section(report, "Documents")[0].text.startswith("this user may not ask: ")
    assert section(report, "Live changes")[0].verdict == "warning"
    assert "secret" not in report.text()


async def test_a_user_who_may_only_read(limited: Limited) -> None:
    with limited("~*", "&*", "+@all", "-@write", "-config") as url:
        report = await acheck(url, models=[SickUser])
    finding = section(report, "Permissions")[0]
    assert finding.verdict == "warning"
    assert finding.cure.startswith("ACL SETUSER limited +")
    assert "so writing or locking models may fail" in finding.text
    assert found(report, "this user may not ask what is written to disk").verdict == "unchecked"


async def test_commands_are_asked_for_where_no_model_is_known(limited: Limited) -> None:
    with limited("~Other:*", "+@all", "-zcard") as url:
        report = await acheck(url, models=())
        assert section(report, "Permissions")[0].text.startswith("the user may not run ZCARD")
        assert section(report, "Permissions")[0].cure == "ACL SETUSER limited +zcard"
    with limited("~Other:*", "+@all") as url:
        assert section(await acheck(url, models=()), "Permissions")[0].verdict == "fine"


async def test_ways_to_hear_of_changes(server: Server, limited: Limited) -> None:
    with limited("~*", "&*", "+@all", "-client|tracking") as url:
        polled = section(await acheck(url, models=()), "Live changes")
        with configured(server, **{"notify-keyspace-events": "KEA"}):
            notified = section(await acheck(url, models=()), "Live changes")
            both = section(await examined(server), "Live changes")
    assert [finding.verdict for finding in polled] == ["warning"]
    assert "live widgets and awatch ask again and again" in polled[0].text
    assert "CONFIG SET notify-keyspace-events Kdgx" in polled[0].cure
    assert [finding.verdict for finding in notified] == ["warning", "fine"]
    assert "by keyspace notifications instead" in notified[0].text
    assert [finding.verdict for finding in both] == ["fine", "fine"]


async def test_a_replica(server: Server, tmp_path: Path, rapyer_redis: EmbeddedServer) -> None:
    follow = ("--replicaof", f"127.0.0.1 {server.port}")
    with redis_server(tmp_path, command_line(rapyer_redis), *follow) as replica:
        wait_until(lambda: "master_link_status:up" in replica.ask("INFO", "replication"))
        report = await examined(replica)
        of_primary = await examined(server)
    finding = found(report, "is a replica, Redis 8")
    assert finding.verdict == "broken"
    assert finding.cure == f"connect to its primary: 127.0.0.1:{server.port}"
    assert found(of_primary, "standalone with 1 replica").verdict == "fine"


async def test_a_sentinel(tmp_path: Path, rapyer_redis: EmbeddedServer) -> None:
    (tmp_path / "sentinel.conf").touch()
    command = [str(rapyer_redis.executable), str(tmp_path / "sentinel.conf"), "--sentinel"]
    with redis_server(tmp_path, command) as sentinel:
        report = await examined(sentinel)
    finding = section(report, "Server")[0]
    assert finding.verdict == "broken"
    assert "is a Sentinel, which holds no data" in finding.text
    assert "master_for" in finding.cure


async def test_a_slow_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("rapyer_nb.doctor.reaching._SLOW", 0.0)
    finding = section(await examined(server), "Latency")[0]
    assert finding.verdict == "warning"
    assert "send many changes together: apipeline, ainsert" in finding.cure


@pytest.mark.parametrize(
    ("ahead", "text"),
    [
        (90.0, "the clock of the server is 90.0 s ahead of the one here"),
        (-2.0, "the clock of the server is 2.0 s behind the one here"),
    ],
)
def test_clocks_that_differ(ahead: float, text: str) -> None:
    finding = told("the server", ahead, 0.1)
    assert finding.verdict == "warning"
    assert finding.text.startswith(text)
    assert finding.cure == "set both by NTP"
    assert told("the server", ahead / 100, 0.1).verdict == "fine"


async def test_clients_and_the_bound_server_are_taken(source: ClientSource, server: Server) -> None:
    async with Redis(port=server.port) as client:
        report = await acheck(client, models=())
    assert f"localhost:{server.port}" in section(report, "Server")[0].text
    assert source.describe() in section(await acheck(models=()), "Server")[0].text
    with pytest.raises(NotebookError, match="there is no server behind a int"):
        await acheck(5, models=())  # type: ignore[arg-type]  # that is the point

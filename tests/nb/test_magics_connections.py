"""Several connections at once: named, listed, switched, closed, and used by one magic only."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest
import redis

from rapyer.model.registry import registry
from rapyer_nb.magics import MAGICS
from rapyer_nb.magics.connect import ConnectMagic
from rapyer_nb.magics.help import HelpMagic
from rapyer_nb.server import EmbeddedServer, start_embedded
from tests.nb.notebook import Notebook, bare_notebook

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def both(notebook: Notebook, second: EmbeddedServer) -> Notebook:
    """A notebook on `default`, where two users are stored, that holds the empty `staging`, too."""
    notebook.shell.user_ns["url"] = second.url
    notebook.run("%rapyer_connect $url --alias staging")
    notebook.run("%rapyer_connect default")
    return notebook


def keys(server: EmbeddedServer) -> list[str]:
    with redis.Redis.from_url(server.url, decode_responses=True) as client:
        return sorted(client.keys())


def ttl(server: EmbeddedServer, key: str) -> int:
    with redis.Redis.from_url(server.url) as client:
        return int(client.ttl(key))


def names(notebook: Notebook) -> list[tuple[str, bool]]:
    return [
        (one.name, one.in_use) for one in notebook.run("connections = %rapyer_connect --list\nconnections")
    ]


def test_a_new_connection_is_used_and_the_others_are_kept(
    notebook: Notebook, second: EmbeddedServer, rapyer_redis: EmbeddedServer
) -> None:
    notebook.shell.user_ns["url"] = second.url
    shown = notebook.cell("%rapyer_connect $url --alias staging")
    line = f"staging · {second.describe()} · Redis {second.version} · from %rapyer_connect"
    assert shown.text.strip() == line
    assert f"<strong>staging · </strong><code>{second.describe()}</code>" in shown.html
    assert notebook.run("%rapyer_find User --count") == 0
    shown = notebook.cell("%rapyer_connect default")
    line = f"{rapyer_redis.describe()} · Redis {rapyer_redis.version} · from RAPYER_REDIS_URL"
    assert shown.text.strip() == line
    assert notebook.run("%rapyer_find User --count") == 2
    assert notebook.cell("%rapyer_connect --alias staging").text.startswith("staging · ")
    assert notebook.run("%rapyer_find User --count") == 0


def test_the_list(both: Notebook, second: EmbeddedServer, rapyer_redis: EmbeddedServer) -> None:
    shown = both.cell("%rapyer_connect --list")
    assert [line.split() for line in shown.text.strip().splitlines()] == [
        ["in", "use", "name", "address", "time", "to", "live", "from"],
        ["✓", "default", rapyer_redis.describe(), "RAPYER_REDIS_URL"],
        ["staging", second.describe(), "%rapyer_connect"],
        [
            "%rapyer_connect",
            "NAME",
            "uses",
            "another",
            "one,",
            "--alias",
            "NAME",
            "in",
            "one",
            "magic",
            "only",
        ],
    ]
    assert f"<td>{second.describe()}</td>" in shown.html
    found = both["_"]
    assert len(found) == 2
    assert [one.in_use for one in found] == [True, False]


def test_the_list_asks_no_server(rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPYER_REDIS_URL", "redis://127.0.0.1:1/0")
    with bare_notebook() as notebook:
        notebook.run("%load_ext rapyer_nb")
        shown = notebook.cell("%rapyer_connect --list")
        assert shown.error is None
        assert shown.text.splitlines()[2].split() == ["✓", "default", "not", "connected", "yet"]


def test_a_name_is_taken_over_by_the_next_of_that_name(both: Notebook, rapyer_redis_url: str) -> None:
    before = registry.source
    both.shell.user_ns["first"] = rapyer_redis_url
    both.run("%rapyer_connect $first --alias staging")
    assert names(both) == [("default", False), ("staging", True)]
    assert both.run("%rapyer_find User --count") == 2
    both.run("%rapyer_connect default")
    assert registry.source is before


def test_closing(both: Notebook, second: EmbeddedServer) -> None:
    both.run("%rapyer_find User --count --alias staging")
    with redis.Redis.from_url(second.url) as client:
        before = len(client.client_list())
        both.run("%rapyer_connect --close staging")
        assert len(client.client_list()) < before
    assert names(both) == [("default", True)]
    assert both.cell("%rapyer_connect staging").text.strip() == (
        "NotebookError: there is no connection called 'staging'; "
        "there are default; %rapyer_connect URL --alias staging"
    )


def test_closing_the_one_in_use_goes_back_to_the_default(both: Notebook) -> None:
    both.run("%rapyer_connect staging")
    shown = both.cell("%rapyer_connect --close staging")
    assert shown.text.splitlines()[2].split()[:2] == ["✓", "default"]
    assert both.run("%rapyer_find User --count") == 2


def test_closing_the_default_lets_it_be_chosen_anew(
    both: Notebook, second: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAPYER_REDIS_URL", second.url)
    assert both.run("%rapyer_find User --count") == 2
    both.run("%rapyer_connect --close default")
    assert both.run("%rapyer_find User --count") == 0
    assert names(both) == [("default", True), ("staging", False)]


def test_a_connection_that_the_program_made_can_be_come_back_to(
    both: Notebook, second: EmbeddedServer
) -> None:
    both.run("from rapyer import init_rapyer\nawait init_rapyer(url)")
    assert names(both) == [("default", False), ("staging", False), ("init_rapyer", True)]
    both.run("%rapyer_connect default")
    assert both.run("%rapyer_find User --count") == 2
    assert both.cell("%rapyer_connect init_rapyer").text.strip() == f"{second.describe()} · from init_rapyer"
    assert both.run("%rapyer_find User --count") == 0


def test_one_magic_goes_elsewhere(both: Notebook, second: EmbeddedServer) -> None:
    assert both.run("%rapyer_find User --count --alias staging") == 0
    assert both.run("name = 'staging'\n%rapyer_find User --count --alias $name") == 0
    assert both.run("%rapyer_find User --count") == 2
    both.run("%%rapyer_pipeline --alias staging --quiet\nawait ada.asave()")
    assert keys(second) == [both["ada"].key]
    assert both.run("users = %rapyer_find User --alias=staging\nusers[0].name") == "Ada"
    assert names(both) == [("default", True), ("staging", False)]


def test_magics_in_a_body_go_where_it_goes(both: Notebook) -> None:
    both.run(
        "%%rapyer_pipeline --alias staging --quiet\nbefore = %rapyer_find User --count\nawait ada.asave()"
    )
    assert both["before"] == 0
    body = "here = %rapyer_find User --count\nthere = %rapyer_find User --count --alias default"
    both.run(f"%%rapyer_pipeline --alias staging --quiet\n{body}")
    assert (both["here"], both["there"]) == (1, 2)


@pytest.mark.parametrize(
    "cell",
    [
        "def f():\n    n = %rapyer_find User --count --alias staging\n    return n\nf()",
        "%time %rapyer_find User --count --alias staging",
        "if True:\n    n = %rapyer_find User --count --alias staging\nn",
        "async def f():\n    n = %rapyer_find User --count --alias staging\n    return n\nawait f()",
        "get_ipython().run_line_magic('rapyer_find', 'User --count --alias staging')",
        "import rapyer_nb\ndef f():\n    with rapyer_nb.using('staging'):\n"
        "        n = %rapyer_find User --count\n    return n\nf()",
    ],
)
@pytest.mark.parametrize("bridge", ["auto", "thread"])
def test_wherever_it_stands(both: Notebook, cell: str, bridge: str) -> None:
    both.run(f"%config RapyerMagics.bridge = '{bridge}'")
    assert both.run(cell) == 0
    assert both.run("%rapyer_find User --count") == 2


def test_tasks_beside_it_stay_where_they_are(both: Notebook) -> None:
    both.run(
        "import asyncio, rapyer_nb\n"
        "async def beside():\n"
        "    for _ in range(20):\n"
        "        seen.append(await User.acount())\n"
        "        await asyncio.sleep(0)\n"
        "seen = []\n"
        "task = asyncio.create_task(beside())\n"
        "elsewhere = set()\n"
        "while not task.done():\n"
        "    with rapyer_nb.using('staging'):\n"
        "        elsewhere.add(await User.acount())\n"
        "await task"
    )
    assert (set(both["seen"]), both["elsewhere"]) == ({2}, {0})


def test_an_error_leaves_the_connection_as_it_was(both: Notebook) -> None:
    assert both.cell("%rapyer_find User agee > 3 --alias staging").error is not None
    shown = both.cell("%%rapyer_pipeline --alias staging --quiet\nraise KeyboardInterrupt")
    assert isinstance(shown.error, KeyboardInterrupt)
    assert both.run("%rapyer_find User --count") == 2


def test_models_with_a_connection_of_their_own_keep_it(both: Notebook, second: EmbeddedServer) -> None:
    both.run(
        "from rapyer import RedisConfig\n"
        "class Resident(AtomicRedisModel):\n    Meta = RedisConfig(redis=url)\n    name: Index[str] = ''\n"
        "one = await Resident(name='there').asave()"
    )
    assert keys(second) == [both["one"].key]
    assert both.run("%rapyer_find Resident --count") == 1
    assert both.run("%rapyer_find Resident --count --alias default") == 1


def test_every_magic_takes_it(notebook: Notebook) -> None:
    assert len(MAGICS) > 2
    for kind in MAGICS:
        if kind not in (ConnectMagic, HelpMagic):
            assert "--alias NAME" in kind().help, kind.name


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "%rapyer_find User --alias stagin",
            "there is no connection called 'stagin'; did you mean 'staging'?",
        ),
        ("%rapyer_connect stagin", "there is no connection called 'stagin'; did you mean 'staging'?"),
        (
            "%rapyer_connect --close other",
            "there is no connection called 'other'; "
            "there are default, staging; %rapyer_connect URL --alias other",
        ),
        (
            "%rapyer_connect $url --alias 1st",
            "the name of a connection is letters, digits, '_', '-' and '.', and begins with a letter; "
            "%rapyer_connect URL --alias staging",
        ),
        (
            "%rapyer_connect --embedded --alias init_rapyer",
            "the name init_rapyer is kept for the connection that init_rapyer() makes",
        ),
        (
            "%rapyer_connect staging --alias other",
            "%rapyer_connect: the name of a connection and --alias exclude each other; leave one out",
        ),
        (
            "%rapyer_connect staging --list",
            "%rapyer_connect: --list, --close and a server exclude each other; leave one out",
        ),
        (
            "%rapyer_connect --ttl 0",
            "%rapyer_connect: argument --ttl: a positive whole number is needed, not '0'; "
            "%rapyer_connect? shows the help",
        ),
        (
            "%rapyer_connect --ttl 99999999999999999999",
            "a time to live is at most 9000000000000000 seconds, not 99999999999999999999; "
            "'off', in Python 0, lets nothing expire",
        ),
        *(
            (
                f"import rapyer_nb; rapyer_nb.connect(url, alias='other', ttl={ttl})",
                f"a time to live is a positive int of seconds, not {ttl}; "
                "'off', in Python 0, lets nothing expire",
            )
            for ttl in (-5, True, False, 1.5, "'60'")
        ),
        (
            "%rapyer_connect localhost:6379",
            "what %rapyer_connect gives is neither a Redis URL nor the name of a connection; "
            "redis://localhost:6379/0 is a URL; the connections are default, staging",
        ),
    ],
)
def test_mistakes_are_one_line_and_change_nothing(both: Notebook, line: str, message: str) -> None:
    shown = both.cell(line)
    assert shown.text.strip() == f"NotebookError: {message}"
    assert names(both) == [("default", True), ("staging", False)]


def test_what_is_stored_there_expires(
    both: Notebook, second: EmbeddedServer, rapyer_redis: EmbeddedServer
) -> None:
    shown = both.cell("%rapyer_connect $url --alias scratch --ttl 100")
    assert "· what is stored expires after 100 s ·" in shown.text
    both.run(
        "from rapyer import RedisConfig\n"
        "class Brief(AtomicRedisModel):\n    Meta = RedisConfig(ttl=1000)\n    name: str = ''"
    )
    both.run("brief = await Brief().asave()\nawait ada.asave()\nawait bob.asave()\nawait bob.age.aincrease()")
    for name, longest in (("ada", 100), ("bob", 100), ("brief", 1000)):
        assert longest - 10 < ttl(second, both[name].key) <= longest
    both.run("%rapyer_connect default")
    both.run("eve = await User(name='Eve').asave()\nzoe = User(name='Zoe')")
    assert ttl(rapyer_redis, both["eve"].key) == -1
    both.run("%%rapyer_pipeline --alias scratch --quiet\nawait zoe.asave()")
    assert 90 < ttl(second, both["zoe"].key) <= 100
    assert both.cell("%rapyer_connect --list").text.splitlines()[4].split()[2:4] == ["100", "s"]
    both.run("%rapyer_connect scratch --ttl off")
    both.run("eve = await User(name='Eve').asave()")
    assert ttl(second, both["eve"].key) == -1


def test_the_same_in_python(both: Notebook, second: EmbeddedServer) -> None:
    both.run("import rapyer_nb")
    assert str(both.run("rapyer_nb.connect('staging')")).startswith(f"staging · {second.describe()}")
    assert both.run("rapyer_nb.connections()").text() == both.run("c = %rapyer_connect --list\nc").text()
    both.run("rapyer_nb.connect('default')")
    assert both.run("with rapyer_nb.using('staging'):\n    n = await User.acount()\nn") == 0
    assert str(both.run("rapyer_nb.connect(url, alias='third', ttl=9)")).startswith("third · ")
    assert [one.ttl for one in both.run("rapyer_nb.connections()")] == [None, None, 9]
    left = both.run("rapyer_nb.disconnect('third')")
    assert [(one.name, one.in_use) for one in left] == [("default", True), ("staging", False)]
    shown = both.cell("rapyer_nb.using('nowhere')")
    assert shown.text.strip().startswith("NotebookError: there is no connection called 'nowhere'; there are")


def test_unloading_closes_all_of_them(both: Notebook, second: EmbeddedServer) -> None:
    both.run("%rapyer_find User --count --alias staging")
    with redis.Redis.from_url(second.url) as client:
        before = len(client.client_list())
        both.shell.extension_manager.unload_extension("rapyer_nb")
        assert len(client.client_list()) < before


def test_a_pipeline_does_not_go_to_two_servers(both: Notebook) -> None:
    shown = both.cell(
        "import rapyer, rapyer_nb\n"
        "async with rapyer.apipeline():\n"
        "    ada.age += 1\n"
        "    with rapyer_nb.using('staging'):\n"
        "        await bob.asave()"
    )
    assert "CrossSourceError" in shown.text
    assert both.run("ada.age") == 36


def test_a_third_server_of_ones_own(notebook: Notebook) -> None:
    with start_embedded(shared=False, port=0) as third:
        notebook.shell.user_ns["third"] = third
        notebook.run("%rapyer_connect {third.url} --alias third")
        assert notebook.run("%rapyer_find User --count --alias default") == 2
        notebook.run("%rapyer_connect --close third")


def test_a_server_that_hangs_can_be_given_up(both: Notebook) -> None:
    with socket.create_server(("127.0.0.1", 0)) as hanging:
        both.shell.user_ns["hanging"] = f"redis://127.0.0.1:{hanging.getsockname()[1]}/0"
        shown = both.cell(
            "import asyncio\n"
            "task = asyncio.create_task(get_ipython().rapyer.line_magic('rapyer_connect', '$hanging --alias x'))\n"
            "await asyncio.sleep(0.1)\ntask.cancel()\nawait task"
        )
        assert type(shown.error).__name__ == "CancelledError"
        assert names(both) == [("default", True), ("staging", False)]
        assert both.run("%rapyer_find User --count") == 2
        shown = both.cell("%rapyer_connect $hanging")
        assert "cannot be reached: Timeout reading from socket" in shown.text


def test_the_embedded_server_under_a_name(
    project: Path, rapyer_redis_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    monkeypatch.setenv("REDIS_URL", rapyer_redis_url)
    with bare_notebook() as notebook:
        notebook.run("%load_ext rapyer_nb")
        shown = notebook.cell("%rapyer_connect --embedded --alias scratch --ttl 60")
        assert shown.text.startswith("scratch · unix://")
        assert shown.text.strip().endswith("· what is stored expires after 60 s · from the embedded server")
        assert notebook.cell("%rapyer_connect default").text.strip().endswith("from REDIS_URL")

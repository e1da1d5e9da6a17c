"""Coroutines run from synchronous code: the order of the ways, interrupts, and what each keeps."""

from __future__ import annotations

import asyncio
import contextvars
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.async_helpers import get_asyncio_loop

from rapyer_nb.bridge import Bridge, run_sync
from rapyer_nb.errors import NotebookError
from tests.nb.queued_cells import kernel, report, run_queued

if TYPE_CHECKING:
    from collections.abc import Iterator

VARIABLE: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="empty")


async def where() -> tuple[str, asyncio.AbstractEventLoop, str]:
    await asyncio.sleep(0)
    return threading.current_thread().name, asyncio.get_running_loop(), VARIABLE.get()


@pytest.fixture(autouse=True)
def _interruptible() -> Iterator[None]:
    """Let Ctrl-C raise, also where the tests were started in the background, with interrupts ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def bridge() -> Iterator[Bridge]:
    made = Bridge()
    yield made
    made.close()
    loop = get_asyncio_loop()
    if not loop.is_running():
        loop.close()


def test_without_a_running_loop_it_is_ipythons_own(bridge: Bridge) -> None:
    assert bridge.run(where())[1] is get_asyncio_loop()
    assert bridge.run(where())[1] is get_asyncio_loop()
    assert run_sync(where())[1] is get_asyncio_loop()


def test_without_a_running_loop_the_mode_does_not_matter(bridge: Bridge) -> None:
    assert bridge.run(where(), "off")[1] is get_asyncio_loop()
    assert bridge.run(where(), "thread")[1] is get_asyncio_loop()


def test_the_context_is_kept_on_the_own_loop(bridge: Bridge) -> None:
    token = VARIABLE.set("kept")
    try:
        assert bridge.run(where())[2] == "kept"
    finally:
        VARIABLE.reset(token)


async def test_a_thread_has_one_loop_and_an_empty_context(bridge: Bridge) -> None:
    VARIABLE.set("not for others")
    name, loop, value = bridge.run(where(), "thread")
    assert name == "rapyer-nb-bridge"
    assert value == "empty"
    assert bridge.run(where(), "thread")[1] is loop
    assert loop is not asyncio.get_running_loop()
    bridge.close()
    assert loop.is_closed()
    assert not [thread for thread in threading.enumerate() if thread.name == name]


def test_another_thread_does_not_share_the_main_threads_loop(bridge: Bridge) -> None:
    found: list[str] = []
    thread = threading.Thread(target=lambda: found.append(bridge.run(where())[0]))
    thread.start()
    thread.join()
    assert found == ["rapyer-nb-bridge"]


async def test_switched_off_it_says_what_to_do(bridge: Bridge) -> None:
    with pytest.raises(NotebookError) as raised:
        bridge.run(where(), "off")
    assert str(raised.value) == (
        "this call would have to await inside synchronous code, and the bridge for that is switched off; "
        "await it in a cell or an async def, or %config RapyerMagics.bridge = 'auto'"
    )


@pytest.mark.parametrize("error", [ValueError("no"), SystemExit(3), KeyError("x")])
async def test_what_the_coroutine_raises_is_raised(bridge: Bridge, error: BaseException) -> None:
    async def fail() -> None:
        raise error

    with pytest.raises(type(error)) as raised:
        bridge.run(fail(), "thread")
    assert raised.value is error
    assert bridge.run(where(), "thread")[0] == "rapyer-nb-bridge"


def interrupt_soon(seconds: float = 0.2) -> None:
    timer = threading.Timer(seconds, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()


def endless(seen: list[str]) -> Any:
    async def sleep() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            await asyncio.sleep(0.01)
            seen.append("cleaned up")
            raise

    return sleep()


def test_an_interrupt_cancels_the_coroutine(bridge: Bridge) -> None:
    seen: list[str] = []
    handler = signal.getsignal(signal.SIGINT)
    interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        bridge.run(endless(seen))
    assert seen == ["cleaned up"]
    assert signal.getsignal(signal.SIGINT) is handler
    assert bridge.run(where())[1] is get_asyncio_loop()


async def test_an_interrupt_cancels_the_coroutine_in_the_thread(bridge: Bridge) -> None:
    seen: list[str] = []
    interrupt_soon()
    with pytest.raises(KeyboardInterrupt):
        bridge.run(endless(seen), "thread")
    assert seen == ["cleaned up"]
    assert bridge.run(where(), "thread")[0] == "rapyer-nb-bridge"


def test_a_second_interrupt_ends_what_ignores_the_first(bridge: Bridge) -> None:
    async def stubborn() -> None:
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                if time.monotonic() > start + 1:
                    raise

    start = time.monotonic()
    interrupt_soon(0.2)
    interrupt_soon(0.5)
    with pytest.raises(KeyboardInterrupt):
        bridge.run(stubborn())
    assert time.monotonic() - start < 10


def in_a_process(body: str) -> str:
    """Run a coroutine in a process of its own, because patches of asyncio cannot be undone."""
    script = f"""
import asyncio, sys, threading, types, contextvars, importlib.metadata, os, signal
from rapyer_nb.bridge import Bridge
import rapyer_nb.bridge as module
bridge = Bridge()
variable = contextvars.ContextVar("variable", default="empty")
async def where():
    await asyncio.sleep(0)
    return threading.current_thread().name, asyncio.get_running_loop() is loop, variable.get()
def pretend(distribution, version):
    real = importlib.metadata.version
    def version_of(name):
        if name != distribution:
            return real(name)
        if version is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return version
    module.importlib.metadata.version = version_of
async def main():
    global loop
    loop = asyncio.get_running_loop()
    variable.set("kept")
{textwrap.indent(textwrap.dedent(body), "    ")}
asyncio.run(main())
"""
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", script], capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.strip()


PATCHED = "hasattr(asyncio, '_nest_patched'), hasattr(asyncio, '_nest_asyncio2')"
KERNEL_6 = "sys.modules['ipykernel'] = types.SimpleNamespace(version_info=(6, 29, 5))\n"
KERNEL_7 = "sys.modules['ipykernel'] = types.SimpleNamespace(version_info=(7, 0, 0))\n"
ON_THE_LOOP = "('MainThread', True, 'kept')"
IN_THE_THREAD = "('rapyer-nb-bridge', False, 'empty')"


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        pytest.param(KERNEL_7, f"{ON_THE_LOOP} True True", id="kernel 7"),
        pytest.param(KERNEL_6, f"{ON_THE_LOOP} True True", id="kernel 6"),
        pytest.param("", f"{ON_THE_LOOP} True True", id="no kernel"),
        pytest.param(
            f"{KERNEL_7}pretend('nest-asyncio2', None)", f"{IN_THE_THREAD} False False", id="kernel 7, only nest-asyncio"
        ),
        pytest.param(
            f"{KERNEL_7}pretend('nest-asyncio2', '1.7.2')", f"{IN_THE_THREAD} False False", id="kernel 7, old nest-asyncio2"
        ),
        pytest.param(
            f"{KERNEL_6}pretend('nest-asyncio2', None)", f"{ON_THE_LOOP} True False", id="kernel 6, only nest-asyncio"
        ),
        pytest.param(
            f"{KERNEL_7}import nest_asyncio; nest_asyncio.apply()", f"{IN_THE_THREAD} True False", id="kernel 7, patched"
        ),
        pytest.param(
            f"{KERNEL_6}import nest_asyncio; nest_asyncio.apply()", f"{ON_THE_LOOP} True False", id="kernel 6, patched"
        ),
        pytest.param(
            f"{KERNEL_7}import nest_asyncio2; nest_asyncio2.apply()", f"{ON_THE_LOOP} True True", id="patched by the second"
        ),
    ],
)  # fmt: skip
def test_the_order_of_the_ways(setting: str, expected: str) -> None:
    assert in_a_process(f"{setting}\nprint(bridge.run(where()), {PATCHED})\nbridge.close()") == expected


def test_a_loop_of_another_kind_is_not_patched() -> None:
    assert in_a_process(f"print(module._patcher(object()), {PATCHED})") == "None False False"


def test_nesting_that_is_asked_for_and_impossible_is_told() -> None:
    said = in_a_process(
        f"{KERNEL_7}pretend('nest-asyncio2', None)\ntry:\n    bridge.run(where(), 'nest')\nexcept Exception as error:\n    print(error)"
    )
    assert said == (
        "the running event loop (asyncio.unix_events) cannot be made re-entrant here; "
        "pip install 'nest-asyncio2>=1.7.3', or %config RapyerMagics.bridge = 'thread'"
    )


def test_nothing_is_patched_before_it_is_needed() -> None:
    assert in_a_process(
        f"print({PATCHED})\nprint(bridge.run(where(), 'thread')[1], {PATCHED})\nbridge.close()"
    ) == ("False False\nFalse False False")


def test_an_interrupt_cancels_a_nested_coroutine() -> None:
    body = """
    seen = []
    async def endless():
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            seen.append("cleaned up")
            raise
    threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
    try:
        bridge.run(endless(), "nest")
    except KeyboardInterrupt:
        seen.append("interrupted")
    await asyncio.sleep(0)
    print(seen)
    """
    assert in_a_process(body) == "['cleaned up', 'interrupted']"


CELLS = [
    "%load_ext rapyer_nb",
    "from rapyer import AtomicRedisModel, Index\nclass User(AtomicRedisModel):\n    name: Index[str]\n    age: Index[int] = 0\n"
    "ada = User(name='Ada', age=36)\nawait ada.asave()",
    "def bridged():\n    found = %rapyer_find User age > 20\n    return found\n"
    "import asyncio\nawait asyncio.sleep(0.05)\nfirst = %rapyer_find User\nsecond = bridged()\nprint(first == second == [ada])",
    "%%time\nthird = %rapyer_find User\nprint(third == [ada])",
    "%%rapyer_pipeline ada\nada.age += 1\nbridged().total",
    "%%capture shown\nfourth = %rapyer_find User",
    "print([await asyncio.sleep(0, n) for n in range(3)], fourth == [ada])",
    "%rapyer_find User",
    "%unload_ext rapyer_nb\nprint('end')",
]


@pytest.mark.parametrize("mode", ["auto", "thread"])
def test_all_cells_queued_at_once_finish(rapyer_redis_url: str, mode: str) -> None:
    environment = os.environ | {"RAPYER_REDIS_URL": rapyer_redis_url}
    clean = f"import redis; redis.Redis.from_url({rapyer_redis_url!r}).flushall()"
    cells = [clean, CELLS[0], f"%config RapyerMagics.bridge = {mode!r}", *CELLS[1:]]
    runs = run_queued(cells, environment=environment)
    assert report(runs) == ""
    assert runs[4].text == "True\n"
    assert runs[5].text.startswith("True\n")
    pipeline = [output["text/plain"] for output in runs[6].outputs]
    assert pipeline[0].startswith("1 command, 1 round trip, ")
    assert pipeline[1] == "1"
    assert runs[8].text == "[0, 1, 2] True\n"
    assert "<caption>User</caption>" in runs[9].outputs[0]["text/html"]
    assert runs[10].text == "end\n"


@pytest.mark.parametrize("awaiting", ["await asyncio.sleep(0)\n", ""])
def test_the_stop_button_ends_a_bridged_call(rapyer_redis_url: str, awaiting: str) -> None:
    environment = os.environ | {"RAPYER_REDIS_URL": rapyer_redis_url}
    with kernel(env=environment) as (manager, client):
        client.execute_interactive(
            "%load_ext rapyer_nb\nimport asyncio\nfrom rapyer_nb.bridge import run_sync\nseen = []\n"
            "async def endless():\n    try:\n        print('started')\n        await asyncio.sleep(60)\n"
            "    except asyncio.CancelledError:\n        seen.append('cleaned up')\n        raise",
            timeout=30,
        )

        def interrupt(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream" and "started" in message["content"]["text"]:
                manager.interrupt_kernel()

        reply = client.execute_interactive(
            f"{awaiting}run_sync(endless())", timeout=30, output_hook=interrupt
        )
        assert reply["content"]["ename"] == "KeyboardInterrupt"
        # The cells after it are what they were before: magics in them are awaited.
        after = (
            "connection = %rapyer_connect\nassert seen == ['cleaned up']\n"
            "assert '(await' in get_ipython().history_manager.input_hist_parsed[-1]"
        )
        shown: list[Any] = []
        reply = client.execute_interactive(after, timeout=30, output_hook=shown.append)
        assert reply["content"]["status"] == "ok", shown

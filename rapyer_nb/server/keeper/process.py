"""Starting a redis-server process, waiting for it, probing it, stopping it."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from typing import NamedTuple

from .conf import ServerConfig, config_text
from .wire import Answer, ErrorReply, Wire

STOP_SECONDS = 10.0
CALL_SECONDS = 5.0
POLL_SECONDS = 0.005
PROBE_KEY = "rapyer:probe"

_PASSED_ON = (
    "PATH",
    "HOME",
    "TMPDIR",
    "LANG",
    "LC_ALL",
    "TZ",
    "LD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
)
_PR_SET_PDEATHSIG = 1


class Unusable(Exception):
    """A candidate does not serve; the message says why."""


class Identity(NamedTuple):
    """What a server says of itself; the process is not our child when a script has started it."""

    version: str
    pid: int


class RedisProcess:
    """A redis-server that is a child of this process.

    Args:
        executable: path of the redis-server to run.
        config: its configuration.
        log: file that receives its output.
        held: descriptors that the server keeps open, so that a lock lasts as long as it lives.
        signalled: whether the system is to end it when this process dies (Linux only).

    Raises:
        Unusable: the executable cannot be run.
    """

    def __init__(
        self, executable: str, config: ServerConfig, log: str, held: tuple[int, ...] = (), *, signalled: bool
    ) -> None:
        self.config = config
        self.log = log
        try:
            with open(log, "wb") as output:
                self._popen = subprocess.Popen(  # noqa: S603 - a server that the user has chosen or installed
                    [executable, "-"],
                    stdin=subprocess.PIPE,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
                    pass_fds=held,
                    start_new_session=True,
                    preexec_fn=_parent_death_signal() if signalled else None,
                )
        except OSError as error:
            raise Unusable(f"cannot be run: {error.strerror or error}") from error
        self._configure()

    @property
    def group(self) -> int:
        """The process group of the server, and of a script that may have started it."""
        return self._popen.pid

    def ended(self) -> bool:
        """Return whether the process has ended."""
        return self._popen.poll() is not None

    def wait_ready(self, within: float) -> None:
        """Wait until the server answers, however long it loads its data once it has begun to.

        Raises:
            Unusable: it ended, or did not answer within the given seconds.
        """
        deadline = time.monotonic() + within
        while True:
            if self.ended():
                raise Unusable(self._last_words())
            try:
                self.call("PING")
                return
            except ErrorReply as error:
                if not str(error).startswith("LOADING"):
                    raise Unusable(str(error)) from error
                deadline = time.monotonic() + within
            except OSError as error:
                if time.monotonic() > deadline:
                    raise Unusable(f"did not answer within {within:g} s") from error
            time.sleep(POLL_SECONDS)

    def probe(self) -> Identity:
        """Find out whether JSON and Search are served, and who answers.

        Sends JSON.SET, DEL, FT._LIST and INFO.

        Raises:
            Unusable: one of them is missing, or the server broke down.
        """
        try:
            self.call("JSON.SET", PROBE_KEY, "$", "1")
            self.call("DEL", PROBE_KEY)
            self.call("FT._LIST")
            return _identity(str(self.call("INFO", "server")))
        except ErrorReply as error:
            raise Unusable(_first_sentence(str(error))) from error
        except OSError as error:
            raise Unusable(self._last_words() if self.ended() else f"did not answer: {error}") from error

    def call(self, *words: str) -> Answer:
        """Send one command over a connection of its own and return the reply."""
        with Wire(self.config.socket, CALL_SECONDS) as wire:
            if self.config.password is not None:
                wire.call("AUTH", self.config.password)
            return wire.call(*words)

    def stop(self) -> None:
        """End the server: politely, so that an append-only file is complete, then by force."""
        self._end(signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while self._group_runs():
            if time.monotonic() > deadline:
                self._end(signal.SIGKILL)
                break
            time.sleep(POLL_SECONDS)
        self._popen.wait()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.config.socket)

    def _end(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.group, number)

    def _group_runs(self) -> bool:
        self.ended()  # reaps the direct child
        try:
            os.killpg(self.group, 0)
        except (ProcessLookupError, PermissionError):  # macOS says the latter of a group of zombies
            return False
        return True

    def _configure(self) -> None:
        pipe = self._popen.stdin
        if pipe is None:
            return
        # One that has ended already reads nothing; its output says why.
        with contextlib.suppress(BrokenPipeError):
            pipe.write(config_text(self.config).encode(errors="surrogateescape"))
        with contextlib.suppress(BrokenPipeError):
            pipe.close()

    def _last_words(self) -> str:
        """Say why the process ended: the warnings at the end of its output, else the last line."""
        with open(self.log, encoding="utf-8", errors="replace") as file:
            lines = [line.strip() for line in file if line.strip()]
        warnings = [line.partition(" # ")[2] for line in lines if " # " in line and "overcommit" not in line]
        said = warnings[-2:] or lines[-1:]
        text = "; ".join(said) or "no output"
        if self.config.password is not None:
            text = text.replace(self.config.password, "***")
        return f"ended with {_ending(self._popen.returncode)}: {text[:400]}"


def _ending(returncode: int) -> str:
    return f"signal {-returncode}" if returncode < 0 else f"exit code {returncode}"


def _first_sentence(text: str) -> str:
    # "ERR unknown command 'JSON.SET', with args beginning with: ..."
    return text.partition(", with args")[0].removeprefix("ERR ")


def _identity(info: str) -> Identity:
    fields = dict(line.split(":", 1) for line in info.splitlines() if ":" in line)
    return Identity(fields.get("redis_version", "unknown").strip(), int(fields["process_id"]))


def _parent_death_signal() -> Callable[[], None]:
    """Return what makes the system end the child when this process dies.

    SIGTERM and not SIGKILL: the server then still writes out its append-only file.
    """
    libc = ctypes.CDLL(None)
    parent = os.getpid()

    def arrange() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() != parent:  # it died before the call
            os._exit(1)

    return arrange

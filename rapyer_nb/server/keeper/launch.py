"""Trying candidates until one serves."""

import os
import shutil
from typing import NamedTuple

from .conf import ServerConfig
from .messages import Attempt, Candidate, Request
from .process import Identity, RedisProcess, Unusable


class Launched(NamedTuple):
    """A server that serves, and the candidates before it that did not."""

    process: RedisProcess
    identity: Identity
    executable: str
    tried: tuple[Attempt, ...] = ()


class NothingServes(Exception):
    """No candidate serves."""

    def __init__(self, tried: tuple[Attempt, ...]) -> None:
        super().__init__("no candidate serves")
        self.tried = tried


def launch(request: Request, password: str | None, held: tuple[int, ...]) -> Launched:
    """Start the first candidate that serves JSON and Search.

    Kept data is opened only by a server that has been probed on an empty directory, so that an unsuitable one
    never writes there.

    Raises:
        NothingServes: none does; it carries the reason of each.
    """
    tried: list[Attempt] = []
    for candidate in request.candidates:
        launched = _try_module_sets(request, candidate, password, held)
        if not isinstance(launched, Attempt):
            return launched._replace(tried=tuple(tried))
        tried.append(launched)
    raise NothingServes(tuple(tried))


def _try_module_sets(
    request: Request, candidate: Candidate, password: str | None, held: tuple[int, ...]
) -> Launched | Attempt:
    reasons: list[str] = []
    for modules in candidate.module_sets:
        try:
            process, identity = _start(request, candidate, modules, password, held)
            return Launched(process, identity, candidate.executable)
        except Unusable as error:  # noqa: PERF203 - starting a server costs more
            reasons.append(_reason(modules, str(error)))
    return Attempt(candidate.name, " | ".join(dict.fromkeys(reasons)))


def _start(
    request: Request,
    candidate: Candidate,
    modules: tuple[str, ...],
    password: str | None,
    held: tuple[int, ...],
) -> tuple[RedisProcess, Identity]:
    scratch = os.path.join(request.runtime, "scratch")
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(scratch)
    config = ServerConfig(os.path.join(request.runtime, "redis.sock"), scratch, False, modules, password)
    log = os.path.join(request.runtime, "redis.log")
    process = RedisProcess(candidate.executable, config, log, held, signalled=not request.guardian)
    identity = _proven(process, request.ready_within)
    if request.data is None:
        return process, identity
    process.stop()
    kept = config._replace(directory=request.data, keep=True)
    log = os.path.join(os.path.dirname(request.data), "redis.log")
    process = RedisProcess(candidate.executable, kept, log, held, signalled=not request.guardian)
    try:
        return process, _proven(process, request.ready_within)
    except Unusable as error:
        raise Unusable(f"serves, but cannot load the data in {request.data}: {error}") from error


def _proven(process: RedisProcess, within: float) -> Identity:
    try:
        process.wait_ready(within)
        return process.probe()
    except BaseException:
        process.stop()
        raise


def _reason(modules: tuple[str, ...], reason: str) -> str:
    return f"with the modules of {os.path.dirname(modules[0])}: {reason}" if modules else reason

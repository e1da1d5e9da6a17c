"""Where a server's files are: the project, its kept data, and short private directories for sockets."""

import contextlib
import hashlib
import os
import stat
import tempfile
from pathlib import Path
from typing import NamedTuple

from rapyer_nb.server.errors import EmbeddedServerError

MARKERS = (".rapyer", "pyproject.toml", "setup.py", ".git", ".hg")
KEPT = ".rapyer"
# The address of a unix socket has room for 103 bytes on macOS, 107 on Linux.
SOCKET_PATH_BYTES = 103
_LONGEST_TAIL = "/k-0123456789ab/control.sock"


class Place(NamedTuple):
    """The files of one server: a private runtime directory and, if data is kept, a home in the project.

    `pointer` says where the control socket is; it is needed where the runtime directory can differ between
    two processes of a project (another XDG_RUNTIME_DIR or TMPDIR).
    """

    runtime: Path
    locks: tuple[Path, ...]
    start_lock: Path | None = None
    data: Path | None = None
    pointer: Path | None = None

    @property
    def control(self) -> Path:
        """The control socket of a running server here, wherever its keeper has put it."""
        if self.pointer is not None:
            with contextlib.suppress(OSError):
                return Path(self.pointer.read_text(encoding="utf-8"))
        return self.runtime / "control.sock"


def project_root(start: Path) -> Path:
    """Return the project of a directory: the nearest one above it with a project file, or itself.

    The home directory and the root of the file system are projects only of themselves.
    """
    start = start.resolve()
    outside = {Path.home().resolve(), Path(start.anchor)}
    for folder in (start, *start.parents):
        if folder in outside:
            break
        if any((folder / marker).exists() for marker in MARKERS):
            return folder
    return start


def shared_place(project: Path, *, persistent: bool) -> Place:
    """Return the place of a project's server.

    Raises:
        EmbeddedServerError: no private directory can be made.
    """
    project = project.resolve()
    digest = hashlib.sha256(os.fsencode(project)).hexdigest()[:12]
    runtime = runtime_base() / f"{'k' if persistent else 'e'}-{digest}"
    locks = (_beside(runtime, ".lock"),)
    if not persistent:
        return Place(runtime, locks, _beside(runtime, ".start"))
    home = _home(project)
    return Place(
        runtime,
        (home / "server.lock", *locks),
        start_lock=home / "start.lock",
        data=home / "data",
        pointer=home / "control",
    )


def private_place() -> Place:
    """Return a place that nobody else knows."""
    runtime = runtime_base() / f"p-{os.urandom(6).hex()}"
    return Place(runtime, (_beside(runtime, ".lock"),))


def has_kept_server(project: Path) -> bool:
    """Return whether a server that keeps data may be running for the project."""
    return (project / KEPT / "control").exists()


def runtime_base() -> Path:
    """Return a directory that only this user can enter, short enough for sockets; make it if needed.

    Raises:
        EmbeddedServerError: there is none, and why.
    """
    problems: list[str] = []
    parents = (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp")  # noqa: S108 - a private one in it
    for parent in dict.fromkeys(parents):
        if not parent:
            continue
        base = Path(parent) / f"rapyer-{os.getuid()}"
        problem = _unsuitable(base)
        if problem is None:
            return base
        problems.append(f"{base} {problem}")
    raise EmbeddedServerError(
        f"no private directory for the server's socket: {'; '.join(problems)}. "
        "Set TMPDIR to a directory of your own with a short path."
    )


def _unsuitable(base: Path) -> str | None:
    if len(os.fsencode(base)) + len(_LONGEST_TAIL) > SOCKET_PATH_BYTES:
        return "is too long for a socket's address"
    try:
        base.mkdir(mode=0o700, exist_ok=True)
        return _not_private(base)
    except OSError as error:
        return f"cannot be made ({error.strerror})"


def _not_private(folder: Path) -> str | None:
    """Say what is wrong with an existing directory; a link is not followed, since others may have made it."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        return "is not a directory"
    if found.st_uid != os.getuid():
        return "belongs to another user"
    if stat.S_IMODE(found.st_mode) & 0o077:
        folder.chmod(0o700)
    return None


def _home(project: Path) -> Path:
    home = project / KEPT
    try:
        home.mkdir(mode=0o700, exist_ok=True)
        problem = _not_private(home)
        ignore = home / ".gitignore"
        if problem is None and not ignore.exists():
            ignore.write_text("*\n", encoding="utf-8")
    except OSError as error:
        problem = f"cannot be used ({error.strerror})"
    if problem is not None:
        raise EmbeddedServerError(
            f"no data can be kept: {home} {problem}. Choose another directory, or keep none (--ephemeral)."
        )
    return home


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)

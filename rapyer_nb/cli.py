"""The command `rapyer-nb`: JupyterLab with a server, the server alone, notebooks run headless, and more."""

import argparse
import importlib.metadata
import importlib.util
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from rapyer.session.clients import mask_url
from rapyer_nb.checkups import checked
from rapyer_nb.doctor import SAMPLE, SECONDS
from rapyer_nb.importing import UnknownModelsError, models_named
from rapyer_nb.indexes import Desk, IndexesError, Work, work_on_indexes
from rapyer_nb.notebooks import Ran, UnrunnableNotebook, plain, run_notebooks
from rapyer_nb.server import EmbeddedServer, EmbeddedServerError, project_root, start_embedded

URL_VARIABLES = ("RAPYER_REDIS_URL", "REDIS_URL")
FAILED = 1
WRONG = 2
_LOOK_SECONDS = 1.0
_DIGITS = 15


class CommandError(Exception):
    """The command cannot be done; the message is one clear line."""


class _Stopped(Exception):
    """A signal has asked to stop."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 done, 1 failed, 2 could not be done at all."""
    options = _parser().parse_args(arguments)
    try:
        code: int = options.command(options)
    except (CommandError, EmbeddedServerError, IndexesError, UnknownModelsError, UnrunnableNotebook) as error:
        _tell(f"error: {error}")
        return WRONG
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rapyer-nb", description="Live Redis data in notebooks.")
    version = importlib.metadata.version("rapyer-nb")
    parser.add_argument("--version", action="version", version=f"rapyer-nb {version}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_lab(commands.add_parser("lab", help="open JupyterLab with a Redis server for its notebooks"))
    _add_serve(commands.add_parser("serve", help="run the Redis server of the project alone"))
    _add_run(commands.add_parser("run", help="run notebooks headless, up to the first cell that fails"))
    _add_index(commands.add_parser("index", help="bring the indexes of models up to what they declare"))
    _add_doctor(commands.add_parser("doctor", help="look at all that is needed, and tell what to do"))
    return parser


def _add_lab(parser: argparse.ArgumentParser) -> None:
    server = parser.add_mutually_exclusive_group()
    server.add_argument("--redis", metavar="URL", help=f"use this server (else {' or '.join(URL_VARIABLES)})")
    server.add_argument(
        "--ephemeral", action="store_true", help="an embedded server that keeps nothing (else in .rapyer/)"
    )
    parser.add_argument("--no-browser", action="store_true", help="do not open a browser")
    parser.add_argument("--port", type=int, metavar="N", help="port of JupyterLab")
    parser.add_argument(
        "directory", nargs="?", type=Path, default=Path(), metavar="DIR", help="the project (default: here)"
    )
    parser.set_defaults(command=_lab)


def _add_serve(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--ephemeral", action="store_true", help="keep nothing (else in .rapyer/)")
    parser.add_argument(
        "--port",
        type=int,
        metavar="N",
        help="open this port of 127.0.0.1 too, with a password (0: a free one)",
    )
    parser.add_argument("--show-password", action="store_true", help="print the URL with the password")
    parser.add_argument(
        "--with-parent", action="store_true", help="end when the process that started this does"
    )
    parser.set_defaults(command=_serve)


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("notebooks", nargs="+", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--redis", metavar="URL", help="use this server (else an embedded one for this run)")
    parser.add_argument(
        "--timeout", type=int, metavar="S", help="seconds that a cell may take (else any time)"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="write copies with their outputs there")
    parser.set_defaults(command=_run)


def _add_index(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Compare the indexes of a server with what models declare, and bring them up to that. Searches are "
        "answered completely meanwhile, and documents are not touched."
    )
    works = parser.add_subparsers(required=True, metavar="WORK")
    plan = works.add_parser("plan", help="tell what is to be changed, and change nothing")
    plan.add_argument("--check", action="store_true", help="exit with 1 if there is anything to be changed")
    plan.set_defaults(work="plan")
    apply = works.add_parser("apply", help="build new indexes, switch to them, and drop the old ones")
    apply.add_argument(
        "--keep-old", action="store_const", dest="work", const="keep", help="only build the new ones"
    )
    apply.set_defaults(work="apply")
    drop = works.add_parser("drop", help="drop the indexes that no model declares any more")
    drop.add_argument(
        "--all", action="store_const", dest="work", const="remove", help="drop those of the models, too"
    )
    drop.add_argument("--yes", action="store_true", help="do not ask")
    drop.set_defaults(work="drop")
    for each in (plan, apply, drop):
        each.add_argument(
            "modules", nargs="+", metavar="MODULE", help="what defines models: shop.models, or shop/models.py"
        )
        each.add_argument("--model", action="append", default=[], metavar="NAME", help="only this model")
        each.add_argument(
            "--redis",
            "--url",
            metavar="URL",
            help=f"the server (else {' or '.join(URL_VARIABLES)}, else the one of the project)",
        )
        each.set_defaults(command=_index)


def _add_doctor(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Look at Python, the packages, the server and, where models are named, their documents and indexes, "
        "and tell what to do about what is not as it should be. It only reads. "
        "The exit code is 1 if something is broken; warnings do not count."
    )
    server = parser.add_mutually_exclusive_group()
    server.add_argument(
        "--redis",
        "--url",
        metavar="URL",
        help=f"the server (else {' or '.join(URL_VARIABLES)}, else an embedded one)",
    )
    server.add_argument("--embedded", action="store_true", help="look at the embedded server of the project")
    parser.add_argument(
        "--models",
        nargs="+",
        default=[],
        metavar="MODULE",
        help="what defines models: shop.models, shop/models.py, or one of them: shop.models:User",
    )
    parser.add_argument(
        "--sample",
        type=_positive,
        default=SAMPLE,
        metavar="N",
        help=f"look at no more documents of each model than N, and keys beside them (else {SAMPLE:,})",
    )
    parser.add_argument(
        "--seconds",
        type=_positive,
        default=int(SECONDS),
        metavar="S",
        help=f"look for keys no longer than that (else {SECONDS:.0f})",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, for programs")
    parser.set_defaults(command=_doctor)


def _positive(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text[:_DIGITS]) > 0):
        raise argparse.ArgumentTypeError(f"a positive whole number is needed, not {text!r}")
    return int(text[:_DIGITS])


def _lab(options: argparse.Namespace) -> NoReturn:
    """Become JupyterLab, which so holds the server for exactly as long as it lives."""
    _require("jupyterlab")
    folder: Path = options.directory.resolve()
    if not folder.is_dir():
        raise CommandError(f"{options.directory} is not a directory")
    url = options.redis or (None if options.ephemeral else _url_from(os.environ))
    if url is None:
        server = start_embedded(project_root(folder), persistent=not options.ephemeral)
        server.hand_over()
        url = server.url
        _tell(_about(server))
    else:
        _tell(f"notebooks use {mask_url(url)}")
    command = lab_command(folder, port=options.port, browser=not options.no_browser)
    _flush()
    os.execve(command[0], command, {**os.environ, URL_VARIABLES[0]: url})  # noqa: S606 - no shell is wanted


def lab_command(folder: Path, *, port: int | None, browser: bool) -> list[str]:
    """Return the command line of JupyterLab for a project; it opens on `notebooks/` if there is one."""
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={folder}"]
    if (folder / "notebooks").is_dir():
        command.append("--LabApp.default_url=/lab/tree/notebooks")
    if port is not None:
        command += [f"--ServerApp.port={port}", "--ServerApp.port_retries=0"]
    if not browser:
        command.append("--no-browser")
    if os.geteuid() == 0:
        command.append("--allow-root")  # JupyterLab refuses root otherwise, as in a container
    return command


def _serve(options: argparse.Namespace) -> int:
    parent = os.getppid() if options.with_parent else None
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _stop)
    try:
        with start_embedded(persistent=not options.ephemeral, port=options.port) as server:
            _tell(_about(server))
            if server.url != server.describe() and not options.show_password:
                _tell("the password is hidden; --show-password prints it")
            # Last, because whoever reads it takes the server as ready.
            _say(server.url if options.show_password else server.describe())
            return _attend(server, parent)
    except _Stopped:
        return 0


def _attend(server: EmbeddedServer, parent: int | None) -> int:
    while not server.wait(_LOOK_SECONDS):
        if parent is not None and os.getppid() != parent:
            return 0
    _tell("error: the server has ended")
    return FAILED


def _run(options: argparse.Namespace) -> int:
    _require("nbclient", "nbformat", "ipykernel")
    if options.redis:
        return _run_all(options, options.redis)
    with start_embedded(shared=False) as server:
        return _run_all(options, server.url)


def _index(options: argparse.Namespace) -> int:
    url = options.redis or _url_from(os.environ)
    if url is not None:
        return _index_at(url, options)
    with start_embedded(persistent=True) as server:
        return _index_at(server.url, options)


def _index_at(url: str, options: argparse.Namespace) -> int:
    work: Work = options.work

    def progress(line: str) -> None:
        if sys.stderr.isatty():
            _tell(line)

    def confirm(lines: Sequence[str]) -> bool:
        return options.yes or _may_drop(lines)

    something = work_on_indexes(work, url, options.modules, options.model, Desk(_say, progress, confirm))
    return FAILED if work == "plan" and options.check and something else 0


def _doctor(options: argparse.Namespace) -> int:
    models = models_named(options.models)
    url = None if options.embedded else options.redis or _url_from(os.environ)
    report = checked(url, Path.cwd(), models, sample=options.sample, seconds=options.seconds)
    _say(report.json() if options.json else report.text())
    return FAILED if report.is_broken else 0


def _may_drop(lines: Sequence[str]) -> bool:
    for line in lines:
        _tell(line)
    if not sys.stdin.isatty():
        raise CommandError("nobody can be asked whether to drop this; give --yes")
    sys.stderr.write("drop this? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() in {"y", "yes"}:
        return True
    raise CommandError("nothing is dropped")


def _run_all(options: argparse.Namespace, url: str) -> int:
    failed = False
    for ran in run_notebooks(
        options.notebooks,
        environment={**os.environ, URL_VARIABLES[0]: url},
        timeout=options.timeout,
        output=options.output,
        progress=sys.stderr if sys.stderr.isatty() else None,
    ):
        failed = ran.failure is not None
        _say(_result_line(ran))
        if ran.failure is not None:
            _write(sys.stderr, ran.failure if sys.stderr.isatty() else plain(ran.failure))
    return FAILED if failed else 0


def _result_line(ran: Ran) -> str:
    cells = "1 cell" if ran.cells == 1 else f"{ran.cells} cells"
    if ran.failure is None:
        return f"{ran.path}: ok, {cells}, {ran.seconds:.1f} s"
    return f"{ran.path}: failed at cell {ran.failed_at}, {ran.seconds:.1f} s"


def _about(server: EmbeddedServer) -> str:
    kept = f"data is kept in {server.data}" if server.data else "data is not kept"
    return f"Redis {server.version} at {server.describe()}; {kept}"


def _url_from(environment: Mapping[str, str]) -> str | None:
    return next((environment[name] for name in URL_VARIABLES if environment.get(name)), None)


def _require(*modules: str) -> None:
    for module in modules:
        if importlib.util.find_spec(module) is None:
            raise CommandError(f'{module} is not installed; pip install "rapyer-nb[lab]"')


def _stop(number: int, frame: FrameType | None) -> NoReturn:
    raise _Stopped


def _say(line: str) -> None:
    _write(sys.stdout, line)


def _tell(line: str) -> None:
    _write(sys.stderr, f"rapyer-nb: {line}")


def _write(stream: TextIO, line: str) -> None:
    stream.write(f"{line}\n")
    stream.flush()


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()

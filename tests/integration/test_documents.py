"""The examples in the documents run as they are written, and give what their comments say."""

from __future__ import annotations

import ast
import inspect
import re
import sys
import tokenize
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis, Sentinel

from rapyer import teardown_rapyer
from rapyer.model.registry import registry
from rapyer_nb.widgets import close_all
from tests.servers import command_line, free_ports, redis_server, running, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rapyer.session.clients import ClientSource
    from rapyer_nb.server import EmbeddedServer

ROOT = Path(__file__).parents[2]
GENERATED = {"_build", "project", "tutorials"}
"""Folders of `docs/` that hold what a build of the site has made."""

COUNTED = {
    "README.md": 2,
    "docs/actions.md": 0,
    "docs/aggregates.md": 0,
    "docs/changing.md": 0,
    "docs/explanation/atomicity.md": 2,
    "docs/explanation/cluster.md": 2,
    "docs/explanation/failure_modes.md": 1,
    "docs/explanation/live.md": 1,
    "docs/explanation/pipelines.md": 4,
    "docs/explanation/security.md": 0,
    "docs/get_or_create.md": 3,
    "docs/howto/build_a_dashboard.md": 1,
    "docs/howto/cache_with_ttl.md": 6,
    "docs/howto/change_many_documents.md": 6,
    "docs/howto/connect_in_production.md": 2,
    "docs/howto/debug_slow_code.md": 5,
    "docs/howto/migrate_an_index.md": 3,
    "docs/howto/move_data.md": 5,
    "docs/howto/process_jobs_once.md": 4,
    "docs/howto/recover_damaged_documents.md": 6,
    "docs/howto/search_and_page.md": 5,
    "docs/howto/share_a_counter.md": 5,
    "docs/howto/test_your_code.md": 0,
    "docs/howto/watch_and_react.md": 2,
    "docs/index.md": 1,
    "docs/indexes.md": 0,
    "docs/locks.md": 0,
    "docs/migration/from_rapyer_1_3_6.md": 2,
    "docs/migration/from_redis_om.md": 1,
    "docs/queries.md": 0,
    "docs/queues.md": 4,
    "docs/references.md": 13,
    "docs/reliability.md": 0,
    "docs/results.md": 0,
    "docs/safe_load.md": 3,
    "docs/sets.md": 4,
    "docs/ttl.md": 0,
    "docs/watching.md": 3,
    "docs/widgets.md": 2,
}
"""Pages with examples, and how many results their comments show; in others every comment that is a value counts."""

EXEMPT = {
    "docs/api.md": "its examples are signatures",
}
"""Pages, or `page: first line of an example`, that are not run, and why."""

ADDRESS = "redis://localhost:6379/0"
SENTINELS = '[("sentinel-1", 26379), ("sentinel-2", 26379)]'
_EXAMPLE = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_WAITS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


def examples(page: str) -> list[str]:
    """Return the examples of a page, each with blank lines before it, so that its lines are the page's."""
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        "\n" * text.count("\n", 0, found.start(1)) + found.group(1)
        for found in _EXAMPLE.finditer(text)
        if not {page, example_name(page, found.group(1))} & set(EXEMPT)
    ]


def example_name(page: str, source: str) -> str:
    """Return what an example is called where it is exempt: its page, and its first line."""
    return f"{page}: {source.partition(chr(10))[0]}"


def written() -> list[str]:
    """Return all pages of the root and of `docs/`."""
    paths = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    named = [path.relative_to(ROOT) for path in sorted(paths)]
    return [path.as_posix() for path in named if not GENERATED & set(path.parts)]


def shown_results(source: str) -> dict[int, Any]:
    """Return the values that stand as comments at the ends of lines; words are none."""
    found = {}
    for token in tokenize.generate_tokens(StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            try:
                found[token.start[0]] = ast.literal_eval(token.string.lstrip("# "))
            except (ValueError, SyntaxError):
                continue
    return found


PAGES = [page for page in written() if examples(page)]


@contextmanager
def names(page: str) -> Iterator[dict[str, Any]]:
    """Give the examples of a page a module of their own, where annotations and pickles find its classes."""
    module = ModuleType("examples_of_" + re.sub(r"\W", "_", page))
    sys.modules[module.__name__] = module
    try:
        yield vars(module)
    finally:
        del sys.modules[module.__name__]


async def play(source: str, variables: dict[str, Any], file: str) -> int:
    """Run an example statement by statement, and return how many of the results it shows were seen."""
    results, seen = shown_results(source), 0
    for statement in ast.parse(source).body:
        value = None
        if isinstance(statement, ast.Expr):
            value = eval(compile(ast.Expression(statement.value), file, "eval", _WAITS), variables)
        else:
            code = compile(ast.Module([statement], []), file, "exec", _WAITS)
            value = eval(code, variables)
        if inspect.isawaitable(value):
            value = await value
        line = statement.end_lineno or 0
        if line in results and isinstance(statement, ast.Expr):
            assert value == results[line], f"{file}:{line} gave {value!r}"
            seen += 1
    return seen


async def let_go(variables: dict[str, Any]) -> None:
    for value in list(variables.values()):
        clients = value.sentinels if isinstance(value, Sentinel) else [value]
        for client in clients:
            if isinstance(client, Redis):
                await client.aclose()
    close_all()
    await teardown_rapyer()


@pytest.fixture
def sentinel(request: pytest.FixtureRequest, tmp_path: Path, rapyer_redis: EmbeddedServer) -> Iterator[str]:
    """The address of a Sentinel, as a list for Python, where the page names one."""
    if "Sentinel(" not in (ROOT / request.getfixturevalue("page")).read_text(encoding="utf-8"):
        yield ""
        return
    with redis_server(tmp_path / "primary", command_line(rapyer_redis)) as primary:
        port = free_ports(1)[0]
        config = tmp_path / "sentinel.conf"
        rules = f"sentinel monitor models 127.0.0.1 {primary.port} 1"
        config.write_text(f"port {port}\nbind 127.0.0.1\n{rules}\n")
        words = [str(rapyer_redis.executable), str(config), "--sentinel"]
        with running(tmp_path / "sentinel", words, port) as server:
            wait_until(lambda: server.ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "models"))
            yield f'[("127.0.0.1", {port})]'


@pytest.mark.parametrize("page", PAGES)
async def test_the_examples_run(
    page: str, source: ClientSource, sentinel: str, rapyer_redis_url: str
) -> None:
    registry._models = {}
    found, seen = examples(page), 0
    assert found
    with names(page) as variables:
        try:
            for example in found:
                text = example.replace(ADDRESS, rapyer_redis_url).replace(SENTINELS, sentinel)
                seen += await play(text, variables, page)
        finally:
            registry.cascade_by_default(None)
            await let_go(variables)
    assert seen == COUNTED.get(page, sum(len(shown_results(example)) for example in found))


def test_the_pages_that_are_counted_have_examples() -> None:
    assert set(COUNTED) <= set(PAGES)


def test_what_is_exempt_is_there() -> None:
    text = {page: (ROOT / page).read_text(encoding="utf-8") for page in written()}
    named = {example_name(page, source) for page in text for source in _EXAMPLE.findall(text[page])}
    assert set(EXEMPT) <= named | set(text)


def test_no_example_is_hidden_in_a_list() -> None:
    hidden = [
        page
        for page in written()
        if re.search(r"^[ \t>]+```python", (ROOT / page).read_text("utf-8"), re.MULTILINE)
    ]
    assert hidden == []


async def test_a_wrong_result_is_noticed() -> None:
    assert await play("1 + 1  # 2\n[1]  # a list\n", {}, "page") == 1
    with pytest.raises(AssertionError, match="page:2 gave 2"):
        await play("\n1 + 1  # 3", {}, "page")

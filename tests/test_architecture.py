"""
The rules of the house as programs: who may import whom, what a pure room may touch, how long things may be.

Everything is read by `ast`; nothing is imported. Each rule is first tried on a made-up offender, so that it can be seen to fail.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("monitor", "services", "tests", "keywords")
PURE = ("monitor.scoring", "monitor.stories", "monitor.escalation")
PURE_FILES = (
    "monitor.notifying.routing", "monitor.notifying.message", "monitor.notifying.schedule", "monitor.notifying.outgoing",
    "monitor.pseudonym",
)  # fmt: skip
RECORDS = (
    "monitor.errors", "monitor.clock", "monitor.mention", "monitor.score", "monitor.alert", "monitor.subject", "monitor.settings",
)  # fmt: skip
ADAPTERS = ("monitor.bus", "monitor.store", "monitor.collecting", "monitor.notifying.receivers")
# What would let a clock, a die, a log, a metric or the outside into a decision
IMPURE = ("time", "random", "secrets", "logging", "structlog", "prometheus_client", "os", "socket", "subprocess", "asyncio", "httpx",
          "monitor.metrics", "monitor.logs", "monitor.bus", "monitor.store", "services")  # fmt: skip
# Library -> the only rooms that may know it
CONFINED = {
    "sqlalchemy": ("monitor.store", "monitor.bus.sqlite"),
    "alembic": ("monitor.store",),
    "aiosqlite": ("monitor.store", "monitor.bus.sqlite"),
    "aiokafka": ("monitor.bus.kafka", "services.bench.naive"),
    "asyncpg": ("monitor.store", "services.bench.naive"),
    "fastapi": ("services.api",),
    "starlette": ("services.api",),
    "uvicorn": ("services.api",),
    "jieba": ("monitor.scoring.segment", "services.bench.naive"),
    "rjieba": ("monitor.scoring.segment",),
    "ahocorasick_rs": ("monitor.scoring",),
    "re2": ("monitor.scoring.patterns",),
    "click": ("services",),
    "numpy": ("monitor.scoring", "services.training"),
    "prometheus_client": ("monitor.metrics", "services"),
}
ACTS_AT_IMPORT = {"monitor.store.migrations.env"}  # Alembic runs it as a script
MAX_FILE = 500
MAX_FILE_MEDIAN = 150
MAX_FUNCTION_MEDIAN = 10
MAX_FUNCTION_95 = 40
REFUSED_FILES = {"utils.py", "helpers.py", "common.py", "misc.py", "service.py"}


class Module(NamedTuple):
    """One source file."""

    name: str
    path: Path
    text: str
    tree: ast.Module


def read(path: Path) -> Module:
    """A file of the tree as a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    text = path.read_text("utf-8")
    return Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), path, text, ast.parse(text))


def invented(name: str, text: str) -> Module:
    """A module that is not there, to try a rule on."""
    return Module(name, Path(f"{name}.py"), text, ast.parse(text))


def modules(*packages: str) -> list[Module]:
    """Every source file of the packages."""
    return [read(path) for package in packages for path in sorted((ROOT / package).rglob("*.py"))]


SOURCES = modules("monitor", "services", "keywords")
TESTS = modules("tests")


def inside(name: str, room: str) -> bool:
    """Whether a module is in a room; `monitor.bus.sqlite` is also the room of sqlite_file beside it."""
    return name == room or name.startswith((f"{room}.", f"{room}_"))


def imports(module: Module) -> Iterator[str]:
    """What a module imports, as dotted names; of `from a import b` both a and a.b, as b may be a module."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            if node.level:
                yield "a relative import"
            elif node.module and node.module != "__future__":
                yield node.module
                yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_imports(module: Module) -> set[str]:
    """What a module imports against the directions of the house."""
    return {target for target in imports(module) if _misdirected(module.name, target) or _out_of_its_room(module.name, target)}


def _out_of_its_room(name: str, target: str) -> bool:
    rooms = CONFINED.get(target.partition(".")[0])
    return target == "a relative import" or (rooms is not None and not any(inside(name, room) for room in rooms))


def _misdirected(name: str, target: str) -> bool:
    if inside(target, "tests") or any(inside(target, top) and not inside(name, top) for top in ("services", "services.training")):
        return True
    if name in RECORDS:
        return inside(target, "monitor") and target != "monitor" and not any(inside(target, record) for record in RECORDS)
    if is_pure(name):
        return any(target == impure or target.startswith(f"{impure}.") for impure in IMPURE) or _adapter(target) not in {"", _adapter(name)}
    mine, other = _adapter(name), _adapter(target)
    return bool(mine and other and mine != other)


def is_pure(name: str) -> bool:
    """Whether decisions are made here."""
    return any(inside(name, room) for room in (*PURE, *PURE_FILES))


def _adapter(name: str) -> str:
    """The adapter a module belongs to; a protocol or a record beside the adapters is nobody's."""
    if name.startswith("monitor.bus.base") or name in {"monitor.bus", "monitor.store"}:
        return ""
    return next((room for room in ADAPTERS if inside(name, room)), "")


@pytest.mark.parametrize("module", SOURCES, ids=lambda module: module.name)
def test_imports_point_down(module: Module) -> None:
    """Services know adapters, adapters know records, the pure rooms know records only, and each library has one room."""
    assert not wrong_imports(module)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("monitor.scoring.x", "import time"),
        ("monitor.stories.x", "from os import environ"),
        ("monitor.escalation.x", "import structlog"),
        ("monitor.escalation.x", "from monitor.store.sessions import Store"),
        ("monitor.notifying.routing", "import random"),
        ("monitor.scoring.x", "import jieba"),
        ("monitor.scoring.x", "def f():\n    import logging"),
        ("monitor.bus.sqlite", "from monitor.store import schema"),
        ("monitor.store.x", "from monitor.bus.sqlite import SqliteBus"),
        ("monitor.collecting.x", "from monitor.notifying.receivers import webhook"),
        ("monitor.bus.kafka", "import sqlalchemy"),
        ("monitor.bus.sqlite", "import aiokafka"),
        ("monitor.border", "from services import cli"),
        ("monitor.mention", "from monitor.scoring import fold"),
        ("monitor.scoring.sentiment.table", "from services.training import table"),
        ("services.notify", "import numpy"),
        ("services.score", "from services.training import table"),
        ("services.notify", "import sqlalchemy"),
        ("services.notify", "from fastapi import FastAPI"),
        ("services.notify", "from . import cli"),
        ("services.notify", "from tests.unit import test_cli"),
    ],
)
def test_the_rule_of_imports_can_fail(name: str, text: str) -> None:
    """An import against the directions is found, wherever in the file it stands."""
    assert wrong_imports(invented(name, text))


def clocks(module: Module) -> list[int]:
    """The lines that read the wall clock through datetime: `datetime.now()`, `date.today()`, `utcnow()`."""
    return [
        node.lineno
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in {"now", "utcnow", "today"}
        and isinstance(node.func.value, ast.Name) and node.func.value.id in {"datetime", "date"}
    ]  # fmt: skip


@pytest.mark.parametrize("module", [one for one in SOURCES if is_pure(one.name) or one.name in RECORDS], ids=lambda module: module.name)
def test_decisions_read_no_clock(module: Module) -> None:
    """`now` is always an argument in the pure rooms."""
    assert not clocks(module)
    assert clocks(invented("x", "from datetime import datetime\nx = datetime.now()"))


def import_time_work(module: Module) -> list[int]:
    """Top-level statements that only do something: a bare call, a loop, a `with`."""
    return [
        node.lineno
        for node in module.tree.body
        if isinstance(node, (ast.For, ast.While, ast.With, ast.Global)) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call))
    ]


@pytest.mark.parametrize("module", [one for one in SOURCES if one.name not in ACTS_AT_IMPORT], ids=lambda module: module.name)
def test_importing_does_nothing(module: Module) -> None:
    """A module defines; it does not act when it is imported."""
    assert not import_time_work(module)
    assert import_time_work(invented("x", "print(1)"))


def mutated_globals(module: Module) -> list[int]:
    """The `global` statements."""
    return [node.lineno for node in ast.walk(module.tree) if isinstance(node, ast.Global)]


@pytest.mark.parametrize("module", SOURCES, ids=lambda module: module.name)
def test_no_module_has_a_state(module: Module) -> None:
    """No function writes to a global."""
    assert not mutated_globals(module)
    assert mutated_globals(invented("x", "def f():\n    global a\n    a = 1"))


@pytest.mark.parametrize("module", [*SOURCES, *TESTS], ids=lambda module: module.name)
def test_files_are_short_and_named_for_what_they_hold(module: Module) -> None:
    """No file is over 500 lines, none is called utils."""
    assert len(module.text.splitlines()) <= MAX_FILE
    assert module.path.name not in REFUSED_FILES


def functions(module: Module) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method."""
    return (node for node in ast.walk(module.tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)))


def length(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """The lines of a function's body, its docstring and signature aside."""
    body = function.body[1:] if ast.get_docstring(function) is not None else function.body
    return (body[-1].end_lineno or body[-1].lineno) - body[0].lineno + 1 if body else 0


def test_sources_keep_the_budget() -> None:
    """File median at most 150 lines; function median at most 10, 95 % at most 40."""
    lengths = sorted(length(function) for module in SOURCES for function in functions(module))
    assert median(len(module.text.splitlines()) for module in SOURCES) <= MAX_FILE_MEDIAN
    assert median(lengths) <= MAX_FUNCTION_MEDIAN
    assert lengths[int(len(lengths) * 0.95)] <= MAX_FUNCTION_95


def public(module: Module) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """A module's public classes and functions."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return (node for node in module.tree.body if isinstance(node, kinds) and not node.name.startswith("_"))


@pytest.mark.parametrize("module", SOURCES, ids=lambda module: module.name)
def test_public_things_explain_themselves(module: Module) -> None:
    """Modules, public classes and functions have a docstring; every function says what it returns."""
    assert not module.text.strip() or ast.get_docstring(module.tree)
    assert [node.name for node in public(module) if not ast.get_docstring(node)] == []
    assert [function.name for function in functions(module) if function.returns is None] == []


def untold(module: Module) -> list[str]:
    """Tests without a docstring, or with one that is no sentence."""
    tests = [function for function in functions(module) if function.name.startswith("test_")]
    return [test.name for test in tests if not (ast.get_docstring(test) or "").rstrip().endswith(".")]


@pytest.mark.parametrize("module", TESTS, ids=lambda module: module.name)
def test_every_test_states_a_truth(module: Module) -> None:
    """Every test has a docstring, a sentence."""
    assert not untold(module)
    assert untold(invented("x", "def test_x():\n    assert True"))


def test_rooms_of_the_rules_are_there() -> None:
    """A renamed room does not leave its rule behind, guarding nothing."""
    names = {module.name for module in SOURCES}
    for room in (*PURE, *RECORDS, "monitor.store", "services.api", "monitor.scoring.segment", "monitor.bus.sqlite"):
        assert any(inside(name, room) for name in names), room

"""The house keeps its shape: what no linter of others checks."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.contracts import generate

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted(
    path for folder in ("services", "shared") for path in (ROOT / folder).rglob("*.py") if path.parent.name != "versions"
)
OWNERS = ("registry", "catalog", "adoption")
ROLES = {
    "__init__", "api", "app", "commands", "config", "consumers", "context", "domain",
    "facts", "importers", "migrations", "policy", "queries", "schemas", "search", "store", "tables",
}  # fmt: skip
STRAY_NAMES = re.compile(r"(^|_)(utils?|helpers?|common|manager|base|misc)(_|$)")
ROUTE = re.compile(r"\w+\.(get|post|put|patch|delete|head)\(")
MODULE_LINES_MAX = 400
FUNCTION_LINES_MAX = 60


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def too_long_functions(path: Path) -> list[str]:
    return [
        f"{path}:{node.lineno} {node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in functions(path)
        if node.end_lineno is not None and node.end_lineno - node.lineno >= FUNCTION_LINES_MAX
    ]


def commits(path: Path) -> list[int]:
    """Lines that call something's `commit()` on a connection or session."""
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    attributes = (call.func for call in calls if isinstance(call.func, ast.Attribute) and call.func.attr == "commit")
    return [node.lineno for node in attributes if "subscription" not in ast.unparse(node.value)]


def in_threads(path: Path) -> list[str]:
    """Endpoints and dependencies that FastAPI would send to a thread, since they are no coroutines."""
    nodes = list(ast.walk(ast.parse(path.read_text())))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    needed = {ast.unparse(call.args[0]) for call in calls if ast.unparse(call.func) == "Depends"}
    return [
        f"{path}:{node.lineno} {node.name}"
        for node in nodes
        if isinstance(node, ast.FunctionDef)
        and (node.name in needed or any(ROUTE.match(ast.unparse(each)) for each in node.decorator_list))
    ]


def test_no_request_waits_for_a_thread(tmp_path: Path) -> None:
    seeded = tmp_path / "seeded.py"
    seeded.write_text("@router.get('/x')\ndef x(): ...\ndef y(): ...\nZ = Annotated[Y, Depends(y)]\n")

    assert [each.split()[-1] for each in in_threads(seeded)] == ["x", "y"]
    assert [each for path in SOURCES for each in in_threads(path)] == []


def test_no_function_is_longer_than_sixty_lines() -> None:
    assert [line for path in SOURCES for line in too_long_functions(path)] == []


def test_no_module_outgrows_its_page() -> None:
    assert [str(p) for p in SOURCES if len(p.read_text().splitlines()) > MODULE_LINES_MAX] == []


def test_nothing_is_called_utils() -> None:
    assert [str(p.relative_to(ROOT)) for p in SOURCES if STRAY_NAMES.search(p.stem)] == []


def test_owners_have_one_shape() -> None:
    for owner in OWNERS:
        modules = {path.stem for path in (ROOT / "services" / owner).iterdir() if path.suffix == ".py" or path.is_dir()}
        assert modules - {"__pycache__", "README", "py"} <= ROLES, owner


def test_nothing_commits_outside_the_database_module() -> None:
    allowed = (ROOT / "shared" / "db", ROOT / "shared" / "bus", ROOT / "services" / "catalog" / "search")
    found = {str(p): commits(p) for p in SOURCES if not any(p.is_relative_to(folder) for folder in allowed)}
    assert {path: lines for path, lines in found.items() if lines} == {}


@pytest.mark.parametrize(
    ("source", "check"),
    [
        ("def f():\n" + "    x = 1\n" * 60, too_long_functions),
        ("async def f(connection):\n    await connection.commit()\n", commits),
    ],
)
def test_each_rule_bites(tmp_path: Path, source: str, check: object) -> None:
    seeded = tmp_path / "seeded.py"
    seeded.write_text(source)
    assert check(seeded)  # type: ignore[operator]


def test_every_service_has_its_canvas() -> None:
    for service in (*OWNERS, "gateway"):
        text = (ROOT / "services" / service / "README.md").read_text()
        for heading in ("Owns", "Commands", "Queries", "Publishes", "Consumes"):
            assert heading in text, (service, heading)


def test_generated_schemas_are_current() -> None:
    assert generate.stale() == [], "run `make schemas` and commit the result"


def test_the_import_rules_hold() -> None:
    done = subprocess.run([".venv/bin/lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout

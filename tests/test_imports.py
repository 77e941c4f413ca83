"""Imports go one way; heavy libraries are imported in one place each, and not by the command line's start."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "reward_synth"

# From the bottom up, as docs/architecture.md lists them. A folder may import those of lower levels, and itself.
LEVELS: tuple[tuple[str, ...], ...] = (
    ("core",),
    ("settings", "state", "events"),
    ("reward", "simulators", "llm", "store", "display"),
    ("roles", "tasks", "sandbox", "export"),
    ("evaluation",),
    ("screening", "diagnosis"),
    ("audit",),
    ("training", "report", "preferences"),
    ("executors",),
    ("methods",),
    ("preparation",),
    ("search",),
    ("api",),
    ("viewer", "assistants"),
    ("cli",),
)
LEVEL_OF = {unit: number for number, units in enumerate(LEVELS) for unit in units}

# Who may import a library, besides its own tests.
ONLY_IN: dict[str, str] = {
    "litellm": "llm/litellm.py",
    "openai": "llm/",
    "stable_baselines3": "training/",
    "torch": "training/",
    "xllamacpp": "llm/",
    "matplotlib": "report/plots.py",
    "wandb": "training/logs.py",
    "ray": "executors/ray/broker.py",
    "starlette": "viewer/",
    "uvicorn": "viewer/serve.py",
    "mcp": "assistants/server.py",
}

# The reward process is locked and holds no more than this.
LOCKED = (
    "core/arrays.py", "core/nearest.py", "sandbox/child.py", "sandbox/lock.py", "sandbox/servers.py",
    "sandbox/system_calls.py",
    "state/view.py", "reward/namespace.py", "reward/frames.py", "reward/vector/__init__.py",
    "reward/vector/form.py", "reward/vector/checked.py", "reward/vector/calls.py",
    "reward/vector/expressions.py", "reward/vector/kinds.py", "reward/vector/numbers.py",
)  # fmt: skip
LOCKED_MAY_IMPORT = frozenset(sys.stdlib_module_names) | {"numpy", "reward_synth"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> list[tuple[str, int]]:
    """Every module that a file imports, wherever in it, with the line."""
    return _imported(path.read_text(encoding="utf-8"), path)


@functools.cache
def _imported(source: str, path: Path) -> list[tuple[str, int]]:
    found: list[tuple[str, int]] = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            assert node.module
            if node.module == "reward_synth":
                found += ((f"reward_synth.{alias.name}", node.lineno) for alias in node.names)
            elif (PACKAGE.parent / node.module.replace(".", "/")).is_dir():
                found += ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
            else:
                found.append((node.module, node.lineno))
    return found


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def faults(path: Path, name: str) -> list[str]:
    """Imports of one file that go sideways or upwards; ``name`` is its dotted name within the package."""
    unit = name.partition(".")[0]
    found = []
    for target, line in imported(path):
        head, _, below = target.partition(".")
        target_unit = below.partition(".")[0]
        if head != "reward_synth" or target_unit in ("", unit):
            continue
        if LEVEL_OF[target_unit] >= LEVEL_OF[unit]:
            found.append(f"{path}:{line}: {name} imports {target}")
    return found


def test_the_top_level_is_folders_only() -> None:
    files = {path.stem for path in PACKAGE.glob("*.py")}
    assert files == {"__init__", "__main__"}
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert folders <= set(LEVEL_OF), "every folder stands on a level"


@pytest.mark.parametrize("path", [p for p in modules() if p.parent != PACKAGE], ids=dotted)
def test_imports_go_down(path: Path) -> None:
    assert faults(path, dotted(path)) == []


def test_the_rule_sees_an_import_that_goes_upwards(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def f():\n    from reward_synth.search.loop import search\n")
    assert len(faults(wrong, "llm.wrong")) == 1
    wrong.write_text("from reward_synth.simulators import protocol\n")
    assert faults(wrong, "reward.limits")
    assert faults(wrong, "tasks.spec") == []


def circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Groups of modules that import each other, by way of others or directly: none is what we want."""
    reached: dict[str, set[str]] = {}
    for start in graph:
        seen: set[str] = set()
        pending = list(graph[start])
        while pending:
            module = pending.pop()
            if module not in seen:
                seen.add(module)
                pending += graph.get(module, ())
        reached[start] = seen
    return sorted([one, other] for one in graph for other in reached[one] if one < other and one in reached[other])


def test_no_modules_import_each_other() -> None:
    names = {f"reward_synth.{dotted(path)}": path for path in modules() if path.parent != PACKAGE}
    graph = {name: {target for target, _ in imported(path)} & set(names) - {name} for name, path in names.items()}
    assert circles(graph) == []


def test_circles_are_seen() -> None:
    assert circles({"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"a"}}) == [["a", "b"], ["a", "c"], ["b", "c"]]
    assert circles({"a": {"b"}, "b": {"c"}, "c": set()}) == []


@pytest.mark.parametrize("library", sorted(ONLY_IN))
def test_a_library_is_imported_in_one_place(library: str) -> None:
    place = ONLY_IN[library]
    users = {
        str(path.relative_to(PACKAGE))
        for path in modules()
        for name, _ in imported(path)
        if name.partition(".")[0] == library
    }
    assert users
    assert [user for user in users if not user.startswith(place)] == []


@pytest.mark.parametrize("name", LOCKED)
def test_the_reward_process_imports_numpy_and_the_standard_library_only(name: str) -> None:
    heads = {imported_name.partition(".")[0] for imported_name, _ in imported(PACKAGE / name)}
    assert heads <= LOCKED_MAY_IMPORT


HEAVY = (
    "torch", "stable_baselines3", "litellm", "openai", "gymnasium", "mujoco", "numpy", "pydantic", "matplotlib",
    "jinja2", "json_repair", "ray", "ruamel",
)  # fmt: skip


def test_the_command_line_starts_without_heavy_libraries() -> None:
    code = f"import sys, reward_synth.cli.app; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.split() == []


def test_the_public_names_load_on_demand() -> None:
    code = f"import sys, reward_synth; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.split() == []


# What a reader can hold -----------------------------------------------------------------------------------------------

LONGEST_MODULE, LONGEST_FUNCTION = 400, 60
"""Lines."""


@pytest.mark.parametrize("path", modules(), ids=dotted)
def test_modules_and_functions_are_short(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= LONGEST_MODULE
    functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    long = [f"{node.name}: {lines}" for node in functions if (lines := _lines(node)) > LONGEST_FUNCTION]
    assert long == []


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1

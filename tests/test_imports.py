"""Imports go one way; heavy libraries are imported in one place each, and not by the command line's start."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "reward_synth"

# From the bottom up. A unit (a top-level module or folder) may import those of lower layers, and itself.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"types", "errors"}),
    frozenset({"resources", "machine", "setting_texts", "goal_matching", "yaml_files"}),
    frozenset({"settings"}),
    frozenset({"store", "llm", "simulators", "reward"}),
    frozenset({"tasks"}),
    frozenset({"roles", "training", "analysis"}),
    frozenset({"search"}),
    frozenset({"check", "reporting", "preflight"}),
    frozenset({"display"}),
    frozenset({"preparation"}),
    frozenset({"parts"}),
    frozenset({"stages", "final"}),
    frozenset({"loop"}),
    frozenset({"feedback", "run", "reward_files", "task_writing", "plan", "doctor"}),
    frozenset({"__init__"}),
    frozenset({"commands"}),
    frozenset({"cli"}),
    frozenset({"__main__"}),
)

# Imports within a layer or upwards that are meant, each with its reason.
ALLOWED: dict[tuple[str, str], str] = {
    ("simulators", "reward.view"): "a row's layout and its view are one matter, and the reward process needs both",
    ("reward.wrapper", "simulators"): "people's own environments are wrapped; imported when used",
    ("reward.export", "simulators"): "prints the fields' reading expressions",
}

# Who may import a library, besides its own tests.
ONLY_IN: dict[str, str] = {
    "litellm": "llm/litellm.py",
    "stable_baselines3": "training/",
    "torch": "training/",
    "sbx": "training/off_policy.py",
    "jax": "training/off_policy.py",
    "xllamacpp": "llm/",
    "matplotlib": "analysis/plots.py",
    "ray": "search/ray_broker.py",
}

# The reward process is locked and holds no more than this.
LOCKED = (
    "reward/_child.py", "reward/view.py", "reward/namespace.py", "reward/frames.py", "reward/lock.py",
    "reward/system_calls.py", "reward/vector/__init__.py", "reward/vector/form.py", "reward/vector/checked.py",
    "reward/vector/calls.py", "reward/vector/expressions.py", "reward/vector/kinds.py", "reward/vector/numbers.py",
)  # fmt: skip
LOCKED_MAY_IMPORT = frozenset(sys.stdlib_module_names) | {"numpy", "reward_synth"}


def modules() -> list[Path]:
    return sorted(PACKAGE.rglob("*.py"))


def imported(path: Path) -> Iterator[tuple[str, int]]:
    """Every module that a file imports, wherever in it, with the line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno} imports relatively"
            assert node.module
            if node.module == "reward_synth":
                yield from ((f"reward_synth.{alias.name}", node.lineno) for alias in node.names)
            elif (PACKAGE.parent / node.module.replace(".", "/")).is_dir():
                yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)
            else:
                yield node.module, node.lineno


def layer(unit: str) -> int:
    for number, units in enumerate(LAYERS):
        if unit in units:
            return number
    raise AssertionError(f"`{unit}` stands in no layer: add it to LAYERS where it belongs")


def faults(path: Path, text_of: str) -> list[str]:
    """Imports of one file that go the wrong way; ``text_of`` is its dotted name within the package."""
    unit = text_of.partition(".")[0]
    found = []
    for name, line in imported(path):
        head, _, target = name.partition(".")
        if head != "reward_synth":
            continue
        target = target or "__init__"
        target_unit = target.partition(".")[0]
        if target_unit == "__version__" or target_unit == unit:
            continue
        meant = any(
            f"{text_of}.".startswith(f"{who}.") and f"{target}.".startswith(f"{what}.") for who, what in ALLOWED
        )
        if layer(target_unit) >= layer(unit) and not meant:
            found.append(f"{path}:{line}: {text_of} imports {target}")
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_go_one_way(path: Path) -> None:
    dotted = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
    assert faults(path, dotted) == []


def test_the_rule_sees_an_import_that_goes_upwards(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.py"
    wrong.write_text("def f():\n    from reward_synth.loop import search\n")
    assert len(faults(wrong, "llm.wrong")) == 1
    wrong.write_text("from reward_synth.simulators import base\n")
    assert faults(wrong, "reward.probe")
    assert faults(wrong, "reward.wrapper") == []


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
    "jinja2", "ray",
)  # fmt: skip


def test_the_command_line_starts_without_heavy_libraries() -> None:
    code = f"import sys, reward_synth.cli; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.split() == []


def test_the_public_names_load_on_demand() -> None:
    code = f"import sys, reward_synth; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
    assert ran.stdout.split() == []

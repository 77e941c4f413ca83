"""The wheel carries all that the program reads, the sdist all that its tests read too."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tarfile
import tomllib
import urllib.request
import venv
import zipfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from benchmarks.recorded_model import RecordedModel

ROOT = Path(__file__).resolve().parent.parent


def built(kind: str, folder: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(folder)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    (file,) = folder.iterdir()
    return file


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The files in it, as the checkout names them."""
    with tarfile.open(built("sdist", tmp_path_factory.mktemp("sdist"))) as archive:
        return {name.partition("/")[2] for name in archive.getnames()}


def read_by(source: str) -> Iterator[str]:
    """The files of the checkout that a test's source names: as a text, below a path from its own place, by import."""
    pending: list[ast.AST] = [ast.parse(source)]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            start, parts = parts_of(node)
            if any(
                isinstance(name, ast.Name) and (name.id.isupper() or name.id == "__file__") for name in ast.walk(start)
            ):
                yield from files_below("/".join(parts))
            pending.append(start)
            continue
        if isinstance(node, ast.Constant) and re.fullmatch(r"\w[\w./-]{2,100}", str(node.value)):
            yield from [str(node.value)] if (ROOT / str(node.value)).is_file() else ()
        elif isinstance(node, ast.ImportFrom) and node.module:
            module = node.module.replace(".", "/")
            for name in (module, *(f"{module}/{alias.name}" for alias in node.names)):
                yield from files_below(f"{name}.py")
        pending += ast.iter_child_nodes(node)


def parts_of(path: ast.expr) -> tuple[ast.expr, list[str]]:
    """``ROOT`` and ``["docs", "tasks.md"]`` of ``ROOT / "docs" / "tasks.md"``."""
    parts: list[str] = []
    while isinstance(path, ast.BinOp):
        # Which file a variable means shows only when the test runs: it may be any of the folder.
        parts = [str(path.right.value), *parts] if isinstance(path.right, ast.Constant) else []
        path = path.left
    return path, parts


def files_below(name: str) -> Iterator[str]:
    """The file of that name, or the files of the folder; nothing where there is neither."""
    path = ROOT / name
    for file in path.rglob("*") if name and path.is_dir() else [path]:
        if file.is_file() and "__pycache__" not in file.parts:
            yield file.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("kind", ["prompts", "task_specs"])
def test_the_wheel_carries_every_prompt_and_task_spec(wheel: Path, kind: str) -> None:
    ours = {
        f"reward_synth/_data/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / kind).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours
    assert ours <= set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_carries_every_file_of_the_package_and_the_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert set(files_below("reward_synth")) <= set(names)
    assert {"reward_synth/py.typed", "reward_synth/report/templates/report.html.j2"} <= set(names)
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "runs/", "benchmarks/"))]


@pytest.fixture(scope="module")
def outside(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with the wheel in it, and with this one's packages, but not the checkout."""
    home = tmp_path_factory.mktemp("environment")
    venv.create(home)
    (site,) = home.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(site)
    packages = [path for path in sys.path if Path(path).name == "site-packages"]
    (site / "packages.pth").write_text("\n".join(packages))
    return home / "bin" / "python"


def told(python: Path, folder: Path, *command: str, code: int = 0) -> str:
    """What a command prints that runs in that folder, as a person without settings would."""
    known = {name: os.environ[name] for name in ("PATH", "OMP_NUM_THREADS") if name in os.environ}
    known |= {"HOME": str(folder), "OPENAI_API_KEY": "none", "REWARD_SYNTH_VIDEOS": "none"}
    ran = subprocess.run(
        [python, "-m", "reward_synth", *command], cwd=folder, env=known, capture_output=True, text=True, timeout=240,
        check=False,
    )  # fmt: skip
    assert ran.returncode == code, (command, ran.stderr)
    return ran.stdout


def test_an_installed_wheel_finds_its_own_files(outside: Path, tmp_path: Path) -> None:
    code = """
from reward_synth.core.resources import data_dir
from reward_synth.tasks.spec import load_task
print(data_dir("prompts"))
print(data_dir("task_specs"))
print(load_task("half_cheetah_run_backward").name)
"""
    ran = subprocess.run(
        [outside, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    (data,) = outside.parents[1].glob("lib/python*/site-packages/reward_synth/_data")
    assert ran.stdout.split() == [str(data / "prompts"), str(data / "task_specs"), "gym/half_cheetah_run_backward"]


BALANCE = """```python
import math

def compute_reward(state, action, next_state):
    return {"upright": math.exp(-((next_state.pole_angle / 0.1) ** 2))}
```"""
ADVICE = '```json\n{"causes": ["not known"], "suggestions": ["try another reward"], "keep": []}\n```'


@pytest.mark.slow
def test_the_wheel_does_the_main_job_outside_the_checkout(outside: Path, tmp_path: Path) -> None:
    ours = partial(told, outside, tmp_path)
    assert "--help" in ours("--help") and "gym/inverted_pendulum_balance" in ours("tasks", "ls")
    model = RecordedModel({"designer": [BALANCE], "analyzer": [ADVICE]})
    asked = ["--no-critic", "--iterations=1", "--samples=1", "--seeds=1", "--steps=2048", "--display=none"]
    # Too few steps to solve it, which is told by the exit code.
    ours("run", "--task", "inverted_pendulum_balance", *model.options, *asked, code=1)
    model.close()
    (run,) = (tmp_path / "runs").iterdir()
    assert "upright" in ours("show", "latest")
    assert "upright" in (run / "report.html").read_text(encoding="utf-8")
    assert "def compute_reward" in ours("export", "latest")
    page = subprocess.Popen(
        [outside, "-m", "reward_synth", "view", "latest", "--no-browser"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert page.stdout is not None
        address = page.stdout.readline().split()[-1]
        with urllib.request.urlopen(address, timeout=60) as shown:
            assert "upright" in shown.read().decode()
    finally:
        page.terminate()
        page.communicate(timeout=60)


def test_the_sdist_carries_what_the_tests_read(sdist: set[str]) -> None:
    tests = sorted((ROOT / "tests").rglob("*.py"))
    read = {name for test in tests for name in read_by(test.read_text(encoding="utf-8"))}
    assert read >= {"docs/index.md", "benchmarks/scripted_episodes.py", "examples/ball_on_beam.yaml", "README.md"}
    assert read - sdist == set()
    assert {path.relative_to(ROOT).as_posix() for path in tests} <= sdist
    assert not [name for name in sdist if name.startswith(("runs/", ".venv/"))]


def test_what_a_test_reads_is_seen() -> None:
    assert set(read_by('(ROOT / "task_specs/gym" / "reacher_reach.yaml").read_text()')) == {
        "task_specs/gym/reacher_reach.yaml"
    }
    assert "task_specs/gym/reacher_reach.yaml" in set(read_by('Path(__file__).parents[2] / "task_specs" / name'))
    assert set(read_by('tmp_path / "docs"')) == set()
    for text in ("from benchmarks.recorded import RecordedReward", "from benchmarks import recorded"):
        assert set(read_by(text)) == {"benchmarks/recorded.py"}


def test_every_dependency_of_the_default_set_up_is_pinned() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    asked = [Requirement(text) for text in (*project["dependencies"], *extras["local"], *extras["dev"])]
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    pins = {
        canonicalize_name(pin.name): pin for line in lines if line[:1] not in ("", "#") for pin in [Requirement(line)]
    }
    for requirement in asked:
        pin = pins.get(canonicalize_name(requirement.name))
        assert pin, f"{requirement.name} is not pinned"
        (specifier,) = pin.specifier
        assert specifier.operator == "=="
        # A build tag (2.13.0+cpu) would shut out every index that does not carry that very build.
        assert "+" not in specifier.version
        assert specifier.version in requirement.specifier

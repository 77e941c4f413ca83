"""The wheel carries all that the program reads."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.mark.parametrize("kind", ["prompts", "task_specs"])
def test_the_wheel_carries_every_prompt_and_task_spec(wheel: Path, kind: str) -> None:
    ours = {
        f"reward_synth/_data/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / kind).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert ours
    assert ours <= set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_carries_templates_type_marker_and_licence(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert "reward_synth/py.typed" in names
    assert "reward_synth/report/templates/report.html.j2" in names
    assert any(name.endswith("dist-info/licenses/LICENSE") for name in names)
    assert not [name for name in names if name.startswith(("tests/", "runs/", "benchmarks/"))]


def test_an_unpacked_wheel_finds_its_own_files(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    zipfile.ZipFile(wheel).extractall(site)
    code = f"""
import sys
sys.path.insert(0, {str(site)!r})
from reward_synth.core.resources import data_dir
from reward_synth.tasks.spec import load_task
print(data_dir("prompts"))
print(data_dir("task_specs"))
print(load_task("half_cheetah_run_backward").name)
"""
    ran = subprocess.run(
        [sys.executable, "-I", "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False
    )
    assert ran.returncode == 0, ran.stderr
    data = site / "reward_synth" / "_data"
    assert ran.stdout.split() == [str(data / "prompts"), str(data / "task_specs"), "gym/half_cheetah_run_backward"]


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

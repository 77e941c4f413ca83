"""The command line as a whole: its commands, its help, and how errors read."""

from __future__ import annotations

import errno
import importlib.util
import subprocess
import sys
from types import ModuleType

import pytest

from reward_synth import __version__
from reward_synth.api.run import Run
from reward_synth.cli import app
from reward_synth.cli.app import execute
from reward_synth.settings.model import Settings
from tests.cli.cases import ROOT, assert_refused, failed


def test_a_command_stands_in_a_file_of_its_name() -> None:
    names = {command.__module__.removeprefix("reward_synth.cli."): command.__name__ for command in app.COMMANDS}
    assert len(names) == len(app.COMMANDS)
    assert all(file == command for file, command in names.items())
    for name, group in app.GROUPS.items():
        assert {command.callback.__module__ for command in group.registered_commands} == {f"reward_synth.cli.{name}"}


def test_a_misspelt_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert_refused(capsys, ["rnu", "hop"], "no such command 'rnu'", "did you mean 'run'?")


@pytest.mark.parametrize("command", ["show", "resume", "export", "logs", "cost", "stop", "feedback"])
def test_a_run_that_does_not_exist(capsys: pytest.CaptureFixture[str], run: Run, command: str) -> None:
    assert failed(capsys, command, "run-backward") == (
        f"error: there is no run 'run-backward' in runs\n\nhint: did you mean '{run.id}'?\n"
    )


def test_debug_shows_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["--debug", "show", "x"]) == 2
    assert "Traceback" in capsys.readouterr().err
    assert execute(["show", "x", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [ZeroDivisionError("division by zero"), BrokenPipeError(errno.EPIPE, "the pipe to a worker")]
)
def test_an_unexpected_failure_is_words_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("reward_synth.tasks.spec.list_tasks", broken)
    assert f"unexpected {type(error).__name__}: {error}" in failed(capsys, "tasks", "ls")


@pytest.mark.parametrize("call", ["sys.exit(app.execute(['cost']))", "app.main()"])
def test_a_reader_that_has_read_enough_is_no_failure(call: str) -> None:
    program = (
        "import sys; from reward_synth.cli import app, cost\n"
        f"cost.openable_runs = lambda _: [print('x' * 99) for _ in range(9999)]\n{call}"
    )
    command = [sys.executable, "-c", program, "cost"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.readline() == b"x" * 99 + b"\n"
        process.stdout.close()
        assert (process.stderr.read(), process.wait()) == (b"", 0)


def test_version_and_help_load_nothing_heavy() -> None:
    program = (
        "import sys; from reward_synth.cli.app import execute; code = execute(sys.argv[1:])\n"
        "heavy = 'torch numpy gymnasium mujoco litellm stable_baselines3 pydantic jinja2 rich yaml'.split()\n"
        "sys.exit(code or [name for name in heavy if name in sys.modules] or 0)"
    )
    for argument, told in (("--help", "Commands:"), ("--version", f"reward-synth {__version__}\n")):
        done = subprocess.run([sys.executable, "-c", program, argument], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
        assert told in done.stdout


def test_importing_the_package_loads_nothing_heavy_and_has_its_names() -> None:
    program = (
        "import sys, reward_synth\nassert not {'numpy', 'pydantic', 'torch'} & set(sys.modules)\n"
        "for name in reward_synth.__all__: assert getattr(reward_synth, name).__name__ == name\n"
        "try: reward_synth.nothing\nexcept AttributeError: pass\nelse: raise SystemExit('no error')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("page", ["cli.md", "settings.md"])
def test_docs_are_what_the_code_says(page: str) -> None:
    generated = generator().PAGES[page]()
    assert (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8") == generated, "run: python docs/generate.py"
    if page == "settings.md":
        for name in Settings.model_fields:
            assert f"| `{name}` |" in generated


def generator() -> ModuleType:
    specification = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module

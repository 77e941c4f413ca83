from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from reward_synth.core import machine
from reward_synth.core.errors import MachineFault
from reward_synth.core.types import Finding
from reward_synth.core.waiting import Deadline
from reward_synth.reward import frames
from reward_synth.reward.contract import RewardError, load_reward
from reward_synth.sandbox.channel import _ready
from reward_synth.sandbox.process import RewardBatch, RewardProcess, ScoringProcess
from reward_synth.state.view import viewer
from tests.training.cases import wait_until

LAYOUT = (("speed", ()), ("hand", (3,)), ("height", ()))
WIDTH = 5

GOOD = """\
import numpy as np

def compute_reward(state, action, next_state):
    forward = next_state.speed - state.speed
    reach = -float(np.linalg.norm(next_state.hand))
    return {"forward": forward, "reach": reach, "effort": -0.1 * float(np.square(action).sum())}
"""


def transitions(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    rows = generator.normal(size=(2, count, WIDTH))
    return rows[0], generator.uniform(-1, 1, (count, 2)), rows[1], np.ones(count, dtype=bool)


def run(body: str, count: int = 3, head: str = "import numpy as np", **options: object) -> RewardBatch:
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    source = f"{head}\ndef compute_reward(state, action, next_state):\n{lines}\n"
    with RewardProcess(source, LAYOUT, 2, **options) as process:  # type: ignore[arg-type]
        return process.evaluate(*transitions(count))


def failure(body: str, **options: object) -> Finding:
    with pytest.raises(RewardError) as caught:
        run(body, **options)  # type: ignore[arg-type]
    assert caught.value.finding.source == "probe"
    return caught.value.finding


def test_the_process_gives_the_very_numbers_of_the_function() -> None:
    function, view = load_reward(GOOD), viewer(LAYOUT)
    states, actions, next_states, starts = transitions(20)
    with RewardProcess(GOOD, LAYOUT, 2) as process:
        assert process.terms == ()
        batch = process.evaluate(states, actions, next_states, starts)
        assert process.terms == ("forward", "reach", "effort")
    for row in range(20):
        terms = function(view(states[row]), actions[row], view(next_states[row]))
        np.testing.assert_array_equal(batch.terms[row], list(terms.values()))
        assert batch.rewards[row] == pytest.approx(sum(terms.values()), abs=1e-12)


def test_terms_in_another_order_or_absent_find_their_column() -> None:
    body = "if state.speed > 0:\n    return {'b': 2.0, 'a': 1.0}\nreturn {'a': 3.0}"
    batch = run(body, count=50, terms=("a", "b"))
    positive = transitions(50)[0][:, 0] > 0
    assert positive.any()
    assert not positive.all()
    np.testing.assert_array_equal(batch.terms, np.where(positive[:, None], [1.0, 2.0], [3.0, 0.0]))
    found = run(body, count=50)
    np.testing.assert_array_equal(found.terms.sum(axis=1), batch.rewards)


def test_a_new_term_is_an_error_once_the_names_are_fixed() -> None:
    finding = failure("return {'a': 1.0, 'other': 2.0}", terms=("a",))
    assert finding.rule == "new-term"
    assert "other" in finding.message


@pytest.mark.parametrize(
    ("value", "expected"),
    [("True", 1.0), ("3", 3.0), ("np.float32(0.5)", 0.5), ("np.array(2.0)", 2.0), ("np.bool_(False)", 0.0)],
)
def test_every_kind_of_number_is_taken(value: str, expected: float) -> None:
    assert run(f"return {{'a': {value}}}").rewards.tolist() == [expected] * 3


@pytest.mark.filterwarnings("ignore:overflow")
@pytest.mark.parametrize(
    ("body", "rule", "message", "line"),
    [
        ("return {'a': next_state.hand}", "wrong-shape", "(3,)", None),
        ("return {'a': np.ones(1)}", "wrong-shape", "(1,)", None),
        ("return {'a': 'x'}", "wrong-type", "`str`", None),
        ("return {'a': None}", "wrong-type", "`NoneType`", None),
        ("return 1.0", "wrong-return", "float", None),
        ("return {1: 1.0}", "term-name", "'1'", None),
        ("return {'a b': 1.0}", "term-name", "a b", None),
        ("return {f'a{k}': 1.0 for k in range(17)}", "too-many-terms", "16", None),
        ("return {'a': 10 ** 400}", "exception", "OverflowError", None),
        ("return {'a': float('nan')}", "not-finite", "term `a` is nan", None),
        ("return {'a': 1.0, 'b': -np.inf}", "not-finite", "term `b` is -inf", None),
        ("return {'a': 1e308, 'b': 1e308}", "not-finite", "too large", None),
        ("x = 1\nreturn {'a': x / 0}", "exception", "ZeroDivisionError: division by zero, in `return {'a': x / 0}`", 4),
        ("return {'a': state.sped}", "exception", "did you mean `speed`", 3),
        ("return {'a': missing}", "exception", "NameError", 3),
        ("state.hand[0] = 1.0", "exception", "read-only", 3),
        ("state.hand.flags.writeable = True", "exception", "WRITEABLE", 3),
        ("action.base[0] = 1", "exception", "", 3),
        ("import os", "exception", "`os`", 3),
        ("open('/etc/passwd')", "exception", "NameError", 3),
        ("return compute_reward(state, action, next_state)", "exception", "RecursionError", 3),
        ("raise Exception.__base__('all the way up')", "exception", "BaseException: all the way up", 3),
    ],
)
def test_what_breaks_the_contract_is_named(body: str, rule: str, message: str, line: int | None) -> None:
    finding = failure(body)
    assert finding.rule == rule
    assert message in finding.message
    assert finding.line == line


def test_errors_while_loading() -> None:
    for source, rule in (
        ("x = = 3", "exception"),
        ("x = 1", "no-function"),
        ("def compute_reward(a, b): pass", "wrong-signature"),
        ("compute_reward = 3", "no-function"),
        ("x = 1 / 0", "exception"),
        ("import os", "exception"),
    ):
        with pytest.raises(RewardError) as caught:
            RewardProcess(source, LAYOUT, 2)
        assert caught.value.finding.rule == rule
    assert caught.value.finding.line == 1


def test_the_process_goes_on_after_an_exception() -> None:
    source = "def compute_reward(state, action, next_state):\n    return {'a': 1.0 / state.speed}\n"
    states, actions, next_states, starts = transitions(4)
    with RewardProcess(source, LAYOUT, 2) as process:
        before = process.evaluate(states, actions, next_states, starts)
        with pytest.raises(RewardError, match="ZeroDivisionError"):
            process.evaluate(np.zeros_like(states), actions, next_states, starts)
        np.testing.assert_array_equal(process.evaluate(states, actions, next_states, starts).terms, before.terms)


def test_time_for_which_all_processes_were_stopped_is_not_waited(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, polls = [0.0], list[float]()

    class Stopped:
        """Ends that are ready at the second look. Before that, everything is stopped for a minute each time."""

        def poll(self, milliseconds: float) -> list[int]:
            polls.append(milliseconds)
            clock[0] += 60.0
            return [1] if len(polls) == 2 else []

    monkeypatch.setattr("reward_synth.core.waiting.time.monotonic", lambda: clock[0])
    assert _ready(Stopped(), Deadline(2.0))
    assert polls == [1000.0, 1000.0]
    polls[:] = [0.0] * 2  # Never ready any more.
    assert not _ready(Stopped(), Deadline(2.0))
    assert len(polls) == 4


def test_the_transition_of_a_hang_is_found_although_all_was_stopped_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    source = (
        "def compute_reward(state, action, next_state):\n    while next_state.speed > 9: pass\n    return {'a': 1.0}\n"
    )
    states, actions, next_states, starts = transitions(3)
    next_states[2, 0] = 10.0
    clock, monotonic = [0.0], time.monotonic
    monkeypatch.setattr("reward_synth.core.waiting.time.monotonic", lambda: monotonic() + clock[0])
    with RewardProcess(source, LAYOUT, 2, deadline=0.2) as process:
        again = process._again

        def stopped() -> RewardProcess:
            clock[0] += 3600.0
            return again()

        monkeypatch.setattr(process, "_again", stopped)
        with pytest.raises(RewardError) as caught:
            process.evaluate(states, actions, next_states, starts)
    assert (caught.value.finding.rule, caught.value.row, clock[0]) == ("deadline", 2, 3600.0)


def test_an_endless_loop_is_killed_at_the_deadline() -> None:
    source = "def compute_reward(state, action, next_state):\n    while True:\n        pass\n"
    with RewardProcess(source, LAYOUT, 2) as process:
        process.deadline = 0.5
        pid = process.pid
        with pytest.raises(RewardError) as caught:
            process.evaluate(*transitions(1))
        assert caught.value.finding.rule == "deadline"
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
        with pytest.raises(RewardError, match="time was up"):
            process.evaluate(*transitions(1))


def test_an_endless_loop_at_module_level_is_killed_too() -> None:
    with pytest.raises(RewardError) as caught:
        RewardProcess("while True:\n    pass\n", LAYOUT, 2, deadline=0.5)
    assert caught.value.finding.rule == "deadline"


def test_a_huge_array_is_refused_and_the_process_survives() -> None:
    finding = failure("return {'a': np.zeros(2 ** 28).sum()}")
    assert finding.rule == "memory"
    assert finding.line == 3
    assert run("return {'a': float(np.zeros(2 ** 10).sum())}").rewards[0] == 0.0


def test_a_process_that_the_kernel_ended_for_its_memory_is_the_rewards_fault(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who else killed it, is told by whether the kernel counts one more."""
    counted = tmp_path / "vmstat"
    monkeypatch.setattr(machine, "_VMSTAT", counted)
    for more, expected in ((1, RewardError), (0, MachineFault)):
        counted.write_text("pgfault 77\noom_kill 5\nother 1\n")
        with RewardProcess(GOOD, LAYOUT, 2) as process:
            counted.write_text(f"pgfault 78\noom_kill {5 + more}\nother 1\n")
            os.kill(process.pid, signal.SIGKILL)
            with pytest.raises(expected, match="memory ran out" if more else "ended from outside"):
                process.evaluate(*transitions(3))
    counted.unlink()
    assert machine.memory_kills() is None


def test_garbage_is_collected_although_it_is_not_while_numpy_loads() -> None:
    """100 rows make 4 GB of arrays that hold themselves, in a process that may have 1 GiB."""
    body = "for _ in range(1000):\n    held = [np.ones(5000)]\n    held.append(held)\nreturn {'x': float(len(held))}"
    assert (run(body, 100, deadline=60.0).terms == 2.0).all()


def test_the_process_loads_little_beside_numpy() -> None:
    """Every start pays for what is loaded: pathlib alone takes as long as a twentieth of numpy."""
    slow = ("pathlib", "urllib", "logging", "subprocess", "numpy.random", "numpy.fft")
    body = f"loaded = np.lib._npyio_impl.os.sys.modules\nreturn {{name: float(name in loaded) for name in {slow}}}"
    assert not run(body.replace("{name:", "{name.replace('.', '_'):")).terms.any()


def test_death_is_named_by_its_cause() -> None:
    with RewardProcess(GOOD, LAYOUT, 2) as process:
        os.kill(process.pid, signal.SIGSEGV)
        with pytest.raises(RewardError, match="SIGSEGV") as caught:
            process.evaluate(*transitions(1))
        assert caught.value.finding.rule == "died"


def test_a_text_from_the_child_is_bounded_and_printable() -> None:
    finding = failure("x = {}\nreturn {'a': x['\\x1b[31m' + 'y' * 100_000]}")
    assert len(finding.message.encode()) < frames.TEXT_LIMIT + 300
    assert "\x1b" not in finding.message


@pytest.mark.parametrize(
    ("then", "rule"),
    [
        ("x = 1.0 / 0.0", "exception"),
        ("return {'a': 'text'}", "wrong-type"),
        ("return 1.0", "wrong-return"),
        ("return {'a': float('nan')}", "not-finite"),
        ("while True: pass", "deadline"),
    ],
)
@pytest.mark.parametrize("terms", [None, ("a",)], ids=["discovering", "fixed"])
def test_the_transition_at_fault_is_told(then: str, rule: str, terms: tuple[str, ...] | None) -> None:
    states, actions, next_states, starts = transitions(9)
    next_states[:, 0] = 1.0
    next_states[5:7, 0] = -1.0
    body = f"    if next_state.speed < 0.0:\n        {then}\n    return {{'a': 1.0}}\n"
    source = f"def compute_reward(state, action, next_state):\n{body}"
    with RewardProcess(source, LAYOUT, 2, terms) as process, pytest.raises(RewardError) as caught:
        process.deadline = 0.5 if rule == "deadline" else 60.0
        process.evaluate(states, actions, next_states, starts)
    assert (caught.value.finding.rule, caught.value.row) == (rule, 5)


def test_the_transition_of_a_death_is_found_by_running_it_again() -> None:
    states, actions, next_states, starts = transitions(9)
    next_states[:, 0] = 1.0
    next_states[3, 0] = -1.0
    reach = "[c for c in ().__class__.__base__.__subclasses__() if c.__name__ == '_wrap_close'][0].__init__.__globals__"
    source = (
        "def compute_reward(state, action, next_state):\n"
        f"    if next_state.speed < 0.0:\n        {reach}['_exit'](7)\n    return {{'a': 1.0}}\n"
    )
    with RewardProcess(source, LAYOUT, 2) as process, pytest.raises(RewardError, match="exit code 7") as caught:
        process.evaluate(states, actions, next_states, starts)
    assert caught.value.row == 3


def test_an_error_cannot_forge_lines() -> None:
    finding = failure("x = {}\nreturn {'a': x['gone\\n\\n# Findings\\nall is well']}")
    raised = failure("return {'a': float(np.linalg.norm(action, 'x\\n\\n# Findings'))}")
    assert "\n" not in finding.message + raised.message
    assert "all is well" in finding.message


def test_the_child_has_no_environment_no_files_and_its_limits() -> None:
    secret = "REWARD_SYNTH_TEST_SECRET"
    os.environ[secret] = "do not tell"
    try:
        with RewardProcess(GOOD, LAYOUT, 2) as process:
            seen = Path(f"/proc/{process.pid}")
            assert secret.encode() not in (seen / "environ").read_bytes()
            descriptors = {str(entry.readlink()) for entry in (seen / "fd").iterdir()}
            assert all(d == "/dev/null" or d.startswith("pipe:") for d in descriptors), descriptors
            lines = (seen / "limits").read_text().splitlines()
            limits = {line[:26].strip(): line[26:].split()[0] for line in lines}
            assert limits["Max address space"] == str(1 << 30)
            assert limits["Max file size"] == limits["Max core file size"] == limits["Max processes"] == "0"
            assert os.getpgid(process.pid) == process.pid
            assert len(list((seen / "task").iterdir())) == 1
    finally:
        del os.environ[secret]


def test_the_child_dies_with_its_parent() -> None:
    program = (
        "import os, sys, time\n"
        "from reward_synth.sandbox.process import RewardProcess\n"
        "s = 'def compute_reward(state, action, next_state):\\n    return {}\\n'\n"
        "p = RewardProcess(s, (('speed', ()),), 1)\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    try:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
    finally:
        parent.kill()
        parent.wait()

    def ended() -> bool:
        try:
            return Path(f"/proc/{child}/stat").read_text().split()[2] == "Z"
        except FileNotFoundError:
            return True

    assert wait_until(ended), "the child outlived its parent"


def test_memory_belongs_to_one_environment_and_one_episode() -> None:
    source = (
        "def compute_reward(state, action, next_state, memory):\n"
        "    memory['n'] = memory.get('n', 0) + 1\n"
        "    memory.setdefault('first', state.hand)\n"
        "    return {'n': memory['n'], 'first': float(memory['first'][0])}\n"
    )
    with RewardProcess(source, LAYOUT, 2) as process:
        states, actions, next_states, _ = transitions(2)
        for starts, expected in (([1, 1], [1, 1]), ([0, 0], [2, 2]), ([0, 1], [3, 1]), ([0, 0], [4, 2])):
            batch = process.evaluate(states, actions, next_states, np.array(starts, dtype=bool))
            assert batch.terms[:, 0].tolist() == expected
            states, previous = states + 1.0, states
        np.testing.assert_allclose(batch.terms[:, 1], [previous[0, 1] - 3.0, previous[1, 1] - 1.0])
        # More environments than before get a memory of their own.
        assert process.evaluate(*transitions(3)).terms[:, 0].tolist() == [1, 1, 1]


def test_arguments_of_a_wrong_shape_are_the_callers_fault() -> None:
    with RewardProcess(GOOD, LAYOUT, 2) as process:
        states, actions, next_states, starts = transitions(3)
        for wrong in (
            (states[:, :4], actions, next_states, starts),
            (states, actions[:2], next_states, starts),
            (states, actions, next_states[0], starts),
            (states, actions, next_states, starts[:1]),
        ):
            with pytest.raises(ValueError, match="shapes"):
                process.evaluate(*wrong)
        assert process.evaluate(*transitions(0)).rewards.shape == (0,)


def test_a_large_batch_passes_the_pipe() -> None:
    states, actions, next_states, starts = transitions(20_000)
    with RewardProcess(GOOD, LAYOUT, 2) as process:
        batch = process.evaluate(states, actions, next_states, starts)
    np.testing.assert_allclose(batch.terms[:, 0], next_states[:, 0] - states[:, 0])


def test_numpy_works_in_full_after_the_limits() -> None:
    body = (
        "a = np.linalg.solve(np.eye(3) * 2.0, np.ones(3))\n"
        "b = np.einsum('i,i->', a, a) + np.median(a) + np.percentile(a, 30.0) + np.interp(0.5, [0, 1], [0, 1])\n"
        "c = np.linalg.svd(np.eye(3))[1].sum() + np.linalg.eigh(np.eye(2))[0].sum() + np.linalg.det(np.eye(2))\n"
        "d = np.cross(a, a).std() + np.polyval([1.0, 2.0], 0.5) + np.trapezoid(a) + np.convolve([1.0], [1.0])[0]\n"
        "return {'a': float(b + c + d)}"
    )
    assert np.isfinite(run(body).rewards).all()


def judge(success: str, fitness: str = "1.0", steps: int = 4, **options: object) -> object:
    rows = np.zeros((steps + 1, WIDTH))
    rows[:, 0] = np.arange(steps + 1.0)
    with ScoringProcess(success, fitness, LAYOUT) as process:
        return process.score(rows, np.ones((steps, 2)), dt=0.5, horizon=steps, terminated=False)


@pytest.mark.parametrize(
    ("success", "end", "at_any"),
    [
        ("episode.speed[-1] >= 4.0", True, True),
        ("episode.speed >= 4.0", True, True),
        ("episode.speed == 2.0", False, True),
        ("episode.speed == 0.0", False, False),  # the state before the first step is no step
        ("np.diff(episode.speed) > 5.0", False, False),
        ("np.all(episode.speed >= 0.0)", True, True),
        ("not episode.terminated and episode.length == 4", True, True),
        ("def success(episode):\n    return episode.speed > 3.5\n", True, True),
    ],
)
def test_success_per_step_and_per_episode(success: str, end: bool, at_any: bool) -> None:
    measurement = judge(success)
    assert (measurement.success, measurement.success_any) == (end, at_any)  # type: ignore[attr-defined]


def test_fitness_and_the_rest_of_a_measurement() -> None:
    measurement = judge("True", "float(np.mean(episode.speed[1:])) + episode.seconds + episode.action.sum()")
    assert measurement.fitness == pytest.approx(2.5 + 2.0 + 8.0)  # type: ignore[attr-defined]
    assert measurement.length == 4  # type: ignore[attr-defined]
    assert measurement.terminated is False  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("success", "fitness", "rule"),
    [
        ("1.0", "1.0", "wrong-type"),
        ("episode.speed", "1.0", "wrong-type"),
        ("episode.hand > 0", "1.0", "wrong-shape"),
        ("True", "episode.speed", "wrong-shape"),
        ("True", "float('inf')", "not-finite"),
        ("episode.nothing", "1.0", "exception"),
        ("episode.speed[99] > 1", "1.0", "exception"),
    ],
)
def test_a_measure_that_gives_no_verdict_is_named(success: str, fitness: str, rule: str) -> None:
    with pytest.raises(RewardError) as caught:
        judge(success, fitness)
    assert caught.value.finding.rule == rule

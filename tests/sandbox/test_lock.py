"""The locks, tried from inside: what must fail fails, what must work works, as root and as an ordinary user."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from reward_synth.reward.contract import RewardError
from reward_synth.reward.lint import allowed
from reward_synth.sandbox import lock, system_calls
from reward_synth.sandbox.channel import PROGRAM, Channel, ChildDied, protected, set_protection
from reward_synth.sandbox.process import RewardProcess

pytestmark = pytest.mark.skipif(not lock.available().seccomp, reason="the kernel has no seccomp")

NOBODY = 65534
USERS = [pytest.param(None, id="as-we-are"), pytest.param(NOBODY, id="ordinary-user")]

ATTEMPTS = """
import ctypes, errno, json, os, socket, subprocess, sys, threading
libc = ctypes.CDLL(None, use_errno=True)

def outcome(function):
    try:
        result = function()
    except PermissionError:
        return "refused"
    except BaseException as error:
        return type(error).__name__
    return "done"

def call(number, *arguments):
    libc.syscall.restype = ctypes.c_long
    if libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, arguments)) < 0:
        raise OSError(ctypes.get_errno(), "system call")

def thread():
    seen = []
    other = threading.Thread(target=lambda: seen.append(1))
    other.start()
    other.join()
    assert seen

def tcp():
    with socket.socket() as one:
        one.connect(("127.0.0.1", 9))

def executable_memory():
    import mmap
    mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_EXEC).close()

attempts = {
    "read a file": lambda: open("/etc/passwd").close(),
    "read the parent's environment": lambda: open(f"/proc/{os.getppid()}/environ").close(),
    "list a folder": lambda: os.listdir("/"),
    "write to the folder": lambda: open(folder + "/inside.txt", "w").close(),
    "write outside": lambda: open(outside + "/pwned.txt", "w").close(),
    "remove outside": lambda: os.remove(outside + "/victim"),
    "change a mode": lambda: os.chmod(folder + "/own", 0o600),
    "change a time": lambda: os.utime(folder + "/own"),
    "udp": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close(),
    "tcp": tcp,
    "socket pair": lambda: socket.socketpair(),
    "fork": lambda: os.waitpid(os.fork() or os._exit(0), 0),
    "run a program": lambda: subprocess.run(["/bin/true"], check=True),
    "signal the parent": lambda: os.kill(os.getppid(), 0),
    "signal the group": lambda: os.killpg(os.getpgid(os.getppid()), 0),
    "thread": thread,
    "ptrace": lambda: call(numbers["ptrace"], 0, 0, 0, 0),
    "io_uring": lambda: call(425, 1, 0),
    "user namespace": lambda: call(numbers["unshare"], 0x10000000),
    "executable memory": executable_memory,
    "stat": lambda: os.stat("/etc/passwd"),
    "arithmetic": lambda: sum(range(1000)),
    "time": lambda: __import__("time").monotonic(),
}
print(json.dumps({name: outcome(attempt) for name, attempt in attempts.items()}), flush=True)
os._exit(0)
"""

COMPUTE = "lock.lock_computation({layers!r}, 1 << 32, 1000)\n"
WORKER = (
    "lock.restrict_files([sys.prefix, sys.base_prefix, '/usr', '/lib', '/lib64'], [folder])\nlock.forbid_escape()\n"
)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that every user can reach, which pytest's own are not."""
    with tempfile.TemporaryDirectory() as name:
        yield Path(name)


def try_inside(place: Path, locking: str, user: int | None = None) -> dict[str, str]:
    """What each attempt comes to in a process that has run ``locking``."""
    folder, outside = place / "own", place / "outside"
    for path in (place, folder, outside):
        path.mkdir(exist_ok=True)
        path.chmod(0o777)
    (outside / "victim").touch()
    (folder / "own").touch()
    if user is not None:
        if os.geteuid() != 0:
            pytest.skip("only root can become another user")
        for path in (folder / "own", outside / "victim"):
            os.chown(path, user, user)
    column = system_calls.MACHINES[os.uname().machine].column
    numbers = {name: places[column] for name, places in system_calls.ESCAPE.items()}
    become = "" if user is None else f"os.setgroups([])\nos.setgid({user})\nos.setuid({user})\n"
    head = "import array, os, sys, mmap, json, socket, subprocess, threading, time\n"
    head += "from reward_synth.sandbox import lock\n"
    head += f"folder, outside, numbers = {str(folder)!r}, {str(outside)!r}, {numbers!r}\n"
    ran = subprocess.run(
        [sys.executable, "-c", head + become + locking + ATTEMPTS],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd="/",
        env={"PYTHONPATH": str(Path(lock.__file__).parents[2])},
    )
    assert ran.stdout, ran.stderr
    return dict(json.loads(ran.stdout))


def test_every_attempt_works_without_a_lock(place: Path) -> None:
    # Otherwise the others would prove nothing. Nobody listens where TCP is tried, and io_uring and ptrace have
    # arguments that the kernel itself may refuse.
    outcomes = try_inside(place, "")
    uncertain = {"tcp", "io_uring", "ptrace", "user namespace"}
    assert {name: outcome for name, outcome in outcomes.items() if name not in uncertain and outcome != "done"} == {}


@pytest.mark.parametrize("user", USERS)
@pytest.mark.parametrize("layers", [lock.LAYERS, ("limits", "seccomp")], ids=["all", "no-landlock"])
def test_only_computation_is_left(place: Path, layers: tuple[str, ...], user: int | None) -> None:
    outcomes = try_inside(place, COMPUTE.format(layers=layers), user)
    done = {name for name, outcome in outcomes.items() if outcome == "done"}
    assert done == {"arithmetic", "time"}
    # Python turns a failed thread into an error of its own; all others are the kernel's "not permitted".
    assert {name for name in outcomes if outcomes[name] not in ("done", "refused")} <= {"thread"}


@pytest.mark.parametrize("user", USERS)
def test_a_worker_keeps_its_folder_and_threads_and_no_more(place: Path, user: int | None) -> None:
    if not lock.available().landlock:
        pytest.skip("the kernel has no Landlock")
    outcomes = try_inside(place, WORKER, user)
    done = {name for name, outcome in outcomes.items() if outcome == "done"}
    assert done == {"write to the folder", "thread", "executable memory", "stat", "arithmetic", "time"}


def test_landlock_alone_leaves_modes_and_udp_open(place: Path) -> None:
    # Why there are two layers.
    if not lock.available().landlock:
        pytest.skip("the kernel has no Landlock")
    outcomes = try_inside(place, "lock.restrict_files([], [])\n")
    assert outcomes["read a file"] == outcomes["write outside"] == "refused"
    assert outcomes["udp"] == outcomes["stat"] == "done"


def test_a_second_thread_stops_the_lock(place: Path) -> None:
    start = "threading.Thread(target=time.sleep, args=(5,), daemon=True).start()\n"
    guarded = start + "try:\n    " + COMPUTE.format(layers=lock.LAYERS) + "except lock.LockError as error:\n"
    with pytest.raises(AssertionError, match="2 threads"):
        try_inside(place, guarded + "    sys.exit(str(error))\n")


def test_an_open_lock_is_noticed(place: Path) -> None:
    with pytest.raises(AssertionError, match="the lock is open: open succeeds"):
        try_inside(place, "try:\n    lock.test_lock()\nexcept lock.LockError as error:\n    sys.exit(str(error))\n")


def test_the_reward_process_says_what_holds() -> None:
    with protected() as holds:
        assert holds[0] == "limits"
        assert holds[-1] == "seccomp"
        assert len(holds) == 2 + bool(lock.available().landlock)
    with protected(unsafe=True) as holds:
        assert holds == ("limits",)


def test_the_choice_ends_with_its_block() -> None:
    with protected(unsafe=True):
        pass
    channel = Channel()
    channel.close()
    assert "seccomp" in channel.protection


def test_a_child_that_cannot_lock_itself_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reward_synth.core.errors import RewardSynthError

    broken = tmp_path / "reward_synth" / "sandbox" / "child.py"
    shutil.copytree(PROGRAM.parents[1], tmp_path / "reward_synth")
    text = PROGRAM.with_name("lock.py").read_text()
    head = "def _has_seccomp() -> bool:\n"
    broken.with_name("lock.py").write_text(text.replace(head, head + "    return False\n"))
    monkeypatch.setattr("reward_synth.sandbox.channel.PROGRAM", broken)
    with pytest.raises(RewardSynthError, match="cannot be locked: the kernel offers no seccomp") as error:
        Channel()
    assert "--unsafe-no-sandbox" in error.value.hint
    set_protection(("limits",))
    try:
        Channel().close()
    finally:
        set_protection(None)


def test_a_child_that_keeps_silent_about_its_lock_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reward_synth.core.errors import RewardSynthError

    liar = tmp_path / "liar.py"
    liar.write_text(
        "import os, sys, time, struct\nos.write(int(sys.argv[2]), struct.pack('<4I', 0, 0, 0, 0))\ntime.sleep(9)\n"
    )
    monkeypatch.setattr("reward_synth.sandbox.channel.PROGRAM", liar)
    with pytest.raises(RewardSynthError, match="no lock holds"):
        Channel()


LAYOUT = (("x_velocity", ()), ("place", (3,)))


def run_once(body: str) -> None:
    # The restricted namespace has no getattr; numpy's own modules hand out `os` all the same.
    source = (
        f"import numpy as np\n\ndef compute_reward(state, action, next_state):\n    os = np.lib._npyio_impl.os\n{body}"
    )
    with RewardProcess(source, LAYOUT, 2) as process:
        process.evaluate(np.ones((1, 4)), np.zeros((1, 2)), np.ones((1, 4)), np.ones(1, bool))


@pytest.mark.parametrize(
    "body",
    [
        "    os.listdir('/')\n",
        "    os.fork()\n",
        "    os.kill(os.getppid(), 9)\n",
        "    os.open('/tmp/pwned', os.O_CREAT)\n",
        "    os.memfd_create('x')\n",
    ],
    ids=["listdir", "fork", "kill", "create", "memfd"],
)
def test_a_forbidden_call_is_named_to_the_model(body: str) -> None:
    with pytest.raises(RewardError) as error:
        run_once(body)
    assert error.value.finding.rule == "forbidden"
    assert error.value.finding.line == 5
    assert body.strip() in error.value.finding.message
    assert error.value.finding.fix


def test_memory_beyond_the_limit_is_an_error_of_the_code() -> None:
    with pytest.raises(RewardError) as error:
        run_once("    return {'x': float(np.ones(1 << 28).sum())}\n")
    assert error.value.finding.rule == "memory"


def test_a_worker_that_may_send_no_signals_still_ends_a_hanging_child() -> None:
    program = (
        "import sys\n"
        "import numpy as np\n"
        "from reward_synth.sandbox import lock\n"
        "from reward_synth.sandbox.process import RewardProcess\n"
        "from reward_synth.reward.contract import RewardError\n"
        "lock.restrict_files(['/'], ['/dev/null'])\n"
        "source = 'def compute_reward(a, b, c):\\n    while True: pass\\n'\n"
        "process = RewardProcess(source, (('x', ()),), 1)\n"
        "process.deadline = 0.5\n"
        "lock.forbid_escape()\n"
        "try:\n"
        "    process.evaluate(np.ones((1, 1)), np.ones((1, 1)), np.ones((1, 1)), np.ones(1, bool))\n"
        "except RewardError as error:\n"
        "    print(error.finding.rule, process._channel._process.returncode)\n"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False,
        env={"PYTHONPATH": str(Path(lock.__file__).parents[2])},
    )  # fmt: skip
    assert ran.stdout.split() == ["deadline", "-9"], ran.stderr


@pytest.mark.parametrize(
    ("header", "column"),
    [("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 0), ("/usr/include/asm-generic/unistd.h", 1)],
    ids=["x86_64", "aarch64"],
)
def test_the_numbers_are_those_of_the_kernel_headers(header: str, column: int) -> None:
    if not Path(header).is_file():
        pytest.skip("the kernel's headers are not installed")
    found = re.findall(r"#define __NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text())
    numbers = {name: int(number) for name, number in found}
    tables = system_calls.COMPUTATION | system_calls.ESCAPE | system_calls.SPECIAL
    newer = {"fchmodat2"}
    wrong = {
        n: (t[column], numbers.get(n)) for n, t in tables.items() if t[column] != numbers.get(n) and n not in newer
    }
    assert wrong == {}


def test_no_number_stands_for_two_calls() -> None:
    for column in (0, 1):
        for table in (system_calls.COMPUTATION, system_calls.ESCAPE | system_calls.SPECIAL):
            numbers = [places[column] for places in table.values() if places[column] is not None]
            assert len(set(numbers)) == len(numbers)
    assert len(system_calls.COMPUTATION) == 34


def test_the_aarch64_program_can_be_built() -> None:
    machine = system_calls.MACHINES["aarch64"]
    for program in (system_calls.compute_program(machine), system_calls.deny_program(machine)):
        assert len(program) % 8 == 0
        assert len(program) // 8 < 4096


def test_death_is_still_death() -> None:
    channel = Channel()
    channel.close()
    with pytest.raises(ChildDied):
        channel.ask(b"", 1.0)


def test_all_the_numpy_that_is_offered_works_behind_the_lock() -> None:
    # Parts that numpy would load only when first used cannot be loaded any more: ImportError, PermissionError.
    calls = [f"np.{name}" for name in sorted(allowed.NUMPY - {"linalg", "errstate"})]
    calls += [f"np.linalg.{name}" for name in sorted(allowed.LINALG)]
    calls += [f"math.{name}" for name in sorted(allowed.MATH)]
    kinds = ("v", "m", "0.5", "v, v", "m, m", "m, v", "i, i", "3", "2, 3", "[v, v]", "v, 50", "v > 0, v, v")
    values = "v, m, i = np.array([0.5, 0.25]), np.array([[2.0, 1.0], [1.0, 3.0]]), np.array([1, 0])"
    here: dict[str, object] = {"np": np, "math": math}
    exec(values, here)
    lines = ["import math", "import numpy as np", "", "def compute_reward(state, action, next_state):", f"    {values}"]
    for call in (f"{function}({arguments})" for function in calls for arguments in kinds):
        with contextlib.suppress(Exception), warnings.catch_warnings(action="ignore"):
            eval(call, here)
            lines.append(f"    {call}")
    assert len(lines) > 800
    lines += ["    str(v), str(m), str(m > 1)", "    return {'x': 1.0}"]
    with RewardProcess("\n".join(lines), LAYOUT, 2) as process:
        batch = process.evaluate(np.ones((1, 4)), np.zeros((1, 2)), np.ones((1, 4)), np.ones(1, bool))
    assert batch.rewards[0] == 1.0


STRANGE = """
import os, signal, struct, sys, time
out = int(sys.argv[2])
os.write(out, struct.pack("<4I", 0, 0, 0, 0))
os.read(int(sys.argv[1]), 1)
"""
TRICKLE = "while True:\n    os.write(out, b'x')\n    time.sleep(0.01)\n"


@pytest.mark.parametrize(
    ("then", "rule", "text"),
    [
        ("os.write(out, struct.pack('<4I', 0, 0, 0, 4096))\n" + TRICKLE, "deadline", "time"),
        ("os.kill(os.getpid(), 40)\ntime.sleep(99)\n", "died", "signal 40"),
        ("os.write(out, struct.pack('<4I', 99, 0, 0, 0))\ntime.sleep(99)\n", "died", "none"),
        ("os.write(out, struct.pack('<4I', 0, 0, 0, 1 << 31))\ntime.sleep(99)\n", "died", "none"),
        ("os._exit(3)\n", "died", "exit code 3"),
    ],
    ids=["byte by byte", "unnamed signal", "unknown status", "too many values", "exit"],
)
def test_whatever_the_child_does_the_parent_names_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, then: str, rule: str, text: str
) -> None:
    program = tmp_path / "strange.py"
    program.write_text(STRANGE + then)
    monkeypatch.setattr("reward_synth.sandbox.channel.PROGRAM", program)
    set_protection(())
    try:
        channel = Channel()
        # Without an end of its own, the trickle would be read for ever.
        with pytest.raises(ChildDied, match=text) as caught:
            channel.ask(b"x", 0.5 if rule == "deadline" else 60.0)
    finally:
        set_protection(None)
    assert caught.value.rule == rule

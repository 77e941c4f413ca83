"""Small real runs on machines that lie: a small disk, two hosts on one folder, many runs and downloads at once.

The disk is a tmpfs in a mount namespace of its own, and a host is a pid and uts namespace; neither needs root
(``unshare -r``). Where a machine has no namespaces, the row says so. Clocks and networks: see ``fault_clock.py``.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fault_runs import CANARY, LONGEST, RUN, Row, SteadyModel, Watch, keys_in, outcome, start, unbooked, whole_run

from reward_synth import Run
from reward_synth.llm.weights import Weights

SHARES = (0.2, 0.35, 0.5, 0.65)
"""Of the room that a run needs: so small is the disk at first."""
AT_ONCE = 10
STOPPED = 65.0
"""Seconds: longer than any step or call may last."""
ONE = ("--iterations=1", "--samples=1", "--videos=none", "--jobs=1")
SAME = "as undisturbed"


def command(*arguments: str) -> str:
    """A command line for a shell."""
    return shlex.join([sys.executable, "-m", "reward_synth", *arguments])


def small_disks(model: SteadyModel, place: Path, whole: Run) -> Iterator[Row]:
    """A run on a disk that becomes full, and is resumed once there is room."""
    need = sum(path.stat().st_size + 4096 for path in whole.path.rglob("*") if path.is_file())
    for share in SHARES:
        kept, disk = place / f"kept-{share}", place / f"disk-{share}"
        kept.mkdir()
        disk.mkdir()
        on = command("resume", "latest", f"--runs-dir={disk}", "--display=plain", *model.options[:1])
        first = command(*RUN, "--jobs=1", f"--runs-dir={disk}", *model.options)
        script = f"""
            mount -t tmpfs -o size={int(share * need) >> 10}k none {disk} || exit 99
            {first} 2> {kept}/said.txt > /dev/null; echo $? > {kept}/code.txt
            mount -o remount,size={3 * need >> 10}k none {disk}
            {on} 2>> {kept}/more.txt
            cp -a {disk}/20* {kept}/
        """
        model.forget()
        # It ends with 1, since no reward solves the task.
        subprocess.run(["unshare", "-rm", "sh", "-c", script], check=False, timeout=4 * LONGEST)
        said = (kept / "said.txt").read_text()
        told = "no space left on the disk while writing" in said and (kept / "code.txt").read_text().strip() == "2"
        faults = [] if told else [f"said {said[-200:]!r}"]
        faults += [word for word in ("Traceback", "unexpected", CANARY) if word in said]
        yield f"disk with {share:.0%} of the room", 1, SAME, verdict(Run.open("latest", kept), whole, model, faults)


def verdict(run: Run, whole: Run, model: SteadyModel | None, faults: list[str]) -> str:
    """What differs from a run that nobody disturbed."""
    faults = [
        *faults,
        *keys_in(run.path),
        *(f"other {part}" for part, value in outcome(run).items() if value != outcome(whole)[part]),
    ]
    if model is not None and (told := unbooked(run, model)):
        faults.append(told)
    return "; ".join(faults) or SAME


def cut_off(model: SteadyModel, folder: Path, host: tuple[str, ...]) -> Run:
    """A run that is killed in its second iteration, maybe on a host of its own."""
    arguments = [*RUN, "--jobs=1", f"--runs-dir={folder}", *model.options]
    process = start(arguments, folder, folder.with_suffix(".txt"), host=host)
    watch = Watch(process)
    while not list(folder.glob("20*/candidates/002-*/train/seed-0/progress.csv")):
        assert process.poll() is None, folder.with_suffix(".txt").read_text()
        watch.look()
        time.sleep(0.05)
    if host:
        run = str(next(folder.glob("20*")))
        other = start(["resume", run, *model.options[:1]], folder, folder / "other.txt", host=host_named("b"))
        assert other.wait(LONGEST) == 2, "two hosts work on one run"
        assert "another process is working on" in (folder / "other.txt").read_text()
    process.kill()
    process.wait()
    assert watch.left() == []
    return Run.open("latest", folder)


def host_named(name: str) -> tuple[str, ...]:
    """A command that starts another one on a host of that name, with processes of its own."""
    # Killing `unshare` kills all processes of that host.
    inside = ("sh", "-c", f'hostname {name}; exec "$@"', "sh")
    network = ("ip", "netns", "exec", name) if "FAULT_NETWORKS" in os.environ else ()
    return (*network, "unshare", "-rupf", "--mount-proc", "--kill-child", *inside)


def two_hosts(model: SteadyModel, place: Path, whole: Run) -> Row:
    """Two hosts with one folder: the first dies while it holds the lock, the second goes on."""
    model.forget()
    run = cut_off(model, place / "hosts", host_named("a"))
    arguments = ["resume", str(run.path), "--display=plain", *model.options[:1]]
    code = start(arguments, place / "hosts", place / "hosts.txt", host=host_named("b")).wait(LONGEST)
    return (
        "a host that dies holding the lock",
        1,
        SAME,
        verdict(run, whole, model, [] if code == 1 else [f"code {code}"]),
    )


def stopped_meanwhile(model: SteadyModel, place: Path, whole: Run) -> Row:
    """A run that is stopped in mid-training, as by Ctrl-Z, for longer than a step or a reward may last."""
    folder = place / "stopped"
    model.forget()
    process = start([*RUN, "--jobs=1", f"--runs-dir={folder}", *model.options], folder, place / "stopped.txt")
    watch = Watch(process)
    while not list(folder.glob("20*/candidates/002-*/train/seed-0/progress.csv")):
        assert process.poll() is None, (place / "stopped.txt").read_text()
        time.sleep(0.05)
    found = watch.look()
    # Parents first, so that none begins another process.
    for number, seconds in ((signal.SIGSTOP, STOPPED), (signal.SIGCONT, 0.0)):
        for each in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(each.pid, number)
        time.sleep(seconds)
    code = process.wait(LONGEST)
    faults = [] if code == 1 else [f"code {code}"]
    return (
        f"stopped for {STOPPED:.0f} s, and continued",
        1,
        SAME,
        verdict(Run.open("latest", folder), whole, model, faults),
    )


def at_once(model: SteadyModel, place: Path) -> Row:
    """Many runs at once in one folder, with one home folder and so one cache."""
    folder = place / "many"
    arguments = [*RUN, *ONE, f"--runs-dir={folder}", *model.options]
    processes = [start(arguments, folder, place / f"{number}.txt") for number in range(AT_ONCE)]
    codes = [process.wait(4 * LONGEST) for process in processes]
    found = [outcome(Run.open(each)) for each in sorted(folder.glob("20*"))]
    equal = sum(one == found[0] for one in found) if codes == [1] * AT_ONCE else 0
    return f"{AT_ONCE} runs at once", AT_ONCE, f"{AT_ONCE} the same", f"{equal} the same"


class _Hub(SimpleHTTPRequestHandler):
    """Offers a file, slowly, and counts how often it is asked for."""

    asked = 0

    def do_GET(self) -> None:
        type(self).asked += 1
        time.sleep(2.0)
        super().do_GET()

    def log_message(self, *_: object) -> None:
        pass


def one_download(place: Path) -> Row:
    """Many processes that want weights which none of them has."""
    content = random.Random(0).randbytes(20 << 20)
    offered, cache = place / "hub", place / "cache"
    offered.mkdir()
    (offered / "weights.gguf").write_bytes(content)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Hub, directory=str(offered)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/weights.gguf"
    weights = Weights("weights.gguf", len(content), hashlib.sha256(content).hexdigest(), url, ())
    code = f"""
from pathlib import Path
from reward_synth.llm.weights import Weights, pull
pull({weights!r}, Path({str(cache)!r}))
"""
    processes = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(AT_ONCE)]
    codes = [process.wait(LONGEST) for process in processes]
    server.shutdown()
    server.server_close()
    whole = codes == [0] * AT_ONCE and (cache / "weights.gguf").read_bytes() == content
    seen = f"{_Hub.asked} download{'s' if _Hub.asked != 1 else ''}, {'whole' if whole else 'broken'}"
    return f"{AT_ONCE} processes that want weights", AT_ONCE, "1 download, whole", seen


def machines() -> Iterator[Row]:
    """Rows of the third table."""
    model = SteadyModel()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        yield one_download(place)
        yield at_once(model, place)
        whole = whole_run(model, place / "whole")
        yield stopped_meanwhile(model, place, whole)
        if shutil.which("unshare") is None:
            yield "small disks, hosts", 0, "not tried: no unshare", "not tried: no unshare"
        else:
            yield two_hosts(model, place, whole)
            yield from small_disks(model, place, whole)

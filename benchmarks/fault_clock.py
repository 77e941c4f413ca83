"""Small real runs whose clock is set back, and two hosts with networks of their own on one shared folder.

The clock is a library that is loaded before libc's (``LD_PRELOAD``) and takes time from the wall clock alone: the
kernel's own times of files, and the clock that waits are measured with, go on. It reaches the command and not its
workers, whose environment is empty; so their clocks differ too. It needs a C compiler.

A host is a network, pid and uts namespace. The hosts and the server of the models are joined by a bridge, all of it in
namespaces of the campaign's own, so that nothing of the machine's network is touched; that needs no root.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from fault_files import answered
from fault_machines import SAME, two_hosts, verdict
from fault_runs import CANARY, LONGEST, RUN, Row, SteadyModel, start, whole_run

from reward_synth import Run

DAY = 86400
JUMP_AFTER = (4.0, 7.0, 10.0, 13.0)
"""Seconds after the command's start at which its clock is set back."""
CLOCK = r"""
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
static double after, back; static struct timespec begun;
__attribute__((constructor)) static void begin(void) {
    after = atof(getenv("CLOCK_AFTER")); back = atof(getenv("CLOCK_BACK"));
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &begun);
}
static long behind(void) {
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return now.tv_sec - begun.tv_sec >= after ? (long)back : 0;
}
int clock_gettime(clockid_t which, struct timespec *now) {
    int code = syscall(SYS_clock_gettime, which, now);
    if (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE) now->tv_sec -= behind();
    return code;
}
int gettimeofday(struct timeval *now, void *zone) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    now->tv_sec = exact.tv_sec; now->tv_usec = exact.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *place) {
    struct timespec exact;
    clock_gettime(CLOCK_REALTIME, &exact);
    if (place) *place = exact.tv_sec;
    return exact.tv_sec;
}
"""


def clocks() -> Iterator[Row]:
    """Rows of runs whose clock is set back by a day while they work, and again before they go on."""
    if shutil.which("cc") is None:
        yield "clock set back", 0, "not tried: no compiler", "not tried: no compiler"
        return
    model = SteadyModel(slow=0.2)
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "clock.c").write_text(CLOCK)
        library = place / "clock.so"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-o", library, place / "clock.c"], check=True)
        whole = whole_run(model, place / "whole")
        for after in JUMP_AFTER:
            for killed in (False, True):
                folder = place / f"{after:g}-{killed}"
                model.forget()
                yield _set_back(model, folder, library, after, killed, whole)


def _set_back(model: SteadyModel, folder: Path, library: Path, after: float, killed: bool, whole: Run) -> Row:
    said = folder.with_suffix(".txt")
    arguments = [*RUN, "--jobs=1", f"--runs-dir={folder}", *model.options]
    process = start(arguments, folder, said, host=_with_clock(library, after, DAY))
    faults = []
    if killed:
        time.sleep(after + 2.0)
        process.kill()
        process.wait()
        arguments = ["resume", "latest", f"--runs-dir={folder}", "--display=plain", model.options[0]]
        if not list(folder.glob("*/run.json")):
            arguments = [*RUN, "--jobs=1", f"--runs-dir={folder}", *model.options]
        process = start(arguments, folder, said, host=_with_clock(library, 0.0, 2 * DAY))
    if (code := process.wait(LONGEST)) != 1:
        faults.append(f"code {code}")
    run = Run.open("latest", folder)
    texts = [said.read_text(errors="replace")]
    for command in (["show", str(run.path)], ["cost", str(run.path)], ["ls", f"--runs-dir={folder}"]):
        code, text = answered(command)
        texts.append(text)
        faults += [f"{command[0]} {code}"] if code else []
    for text in texts:
        faults += [word for word in ("Traceback", "unexpected", CANARY) if word in text]
        faults += re.findall(r"(?<![\w.–-])-\d[\d.]* ?(?:s|min|h|days?)\b", text)
    if run.info.seconds is not None and not 0 <= run.info.seconds < LONGEST:
        faults.append(f"took {run.info.seconds} s")
    row = "clock a day back while it works" + ", killed, two days back when it is resumed" * killed
    return f"{row}, after {after:g} s", 1, SAME, verdict(run, whole, model, faults)


def _with_clock(library: Path, after: float, back: float) -> tuple[str, ...]:
    return ("env", f"LD_PRELOAD={library}", f"CLOCK_AFTER={after}", f"CLOCK_BACK={back}")


BRIDGE = "10.201.0.1"
NETWORKS = f"""
mkdir -p /run/netns && mount -t tmpfs none /run/netns && ip link set lo up || exit 99
ip link add bridge type bridge && ip addr add {BRIDGE}/24 dev bridge && ip link set bridge up || exit 99
number=2
for host in a b; do
    ip netns add $host && ip link add to-$host type veth peer name eth0 netns $host || exit 99
    ip link set to-$host master bridge up && ip -n $host addr add 10.201.0.$number/24 dev eth0 || exit 99
    ip -n $host link set eth0 up && ip -n $host link set lo up || exit 99
    number=$((number + 1))
done
exec "$@"
"""


def hosts() -> Iterator[Row]:
    """The row of two hosts, each with its network, of which one dies while it holds a run's lock."""
    if "FAULT_NETWORKS" not in os.environ:
        again = ["sh", "-c", NETWORKS, "sh", sys.executable, *sys.argv]
        os.environ["FAULT_NETWORKS"] = "made"
        os.execvp("unshare", ["unshare", "-rnm", *again])
    model = SteadyModel(address=BRIDGE)
    with tempfile.TemporaryDirectory() as name:
        yield two_hosts(model, Path(name), whole_run(model, Path(name) / "whole"))

"""The room in which one attack runs: namespaces of its own, a private file system, canaries, and a watch on its host.

Run by ``unshare`` as the first process of its namespaces; reads a job from standard input and prints what was seen.
Everything outside of /proc, /dev, /sys and /tmp is an overlay whose upper side vanishes with the room, so that the
attacks on a host without protection, which run as root, change nothing on the machine.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from containment_arms import canaries

WALL_SECONDS = 25.0
NAIVE_SECONDS = 5.0
START_SECONDS = 60.0
MEMORY_LANDED = 1.5 * 2**30
MOST_PROCESSES = 2000
OUTPUT_LIMIT = 64 << 20
CAPABILITIES = "chown,dac_override,fowner,fsetid,kill,setgid,setuid,setpcap,net_bind_service,net_raw,sys_chroot,setfcap"
"""Of root in a container with default settings: none of them changes the machine itself."""


def mount(*arguments: str) -> None:
    """Call the mount command."""
    subprocess.run(["mount", *arguments], check=True, stdin=subprocess.DEVNULL)


def furnish() -> None:
    """Private /tmp, /dev and /run, overlays over the rest, and nothing of the machine to write to."""
    mount("--make-rprivate", "/")
    Path("/proc/sys/kernel/pid_max").write_text(str(MOST_PROCESSES), encoding="ascii")
    mount("-t", "tmpfs", "-o", "mode=755,size=1g", "tmpfs", "/run")
    for folder in sorted(Path("/").iterdir()):
        if folder.is_symlink() or not folder.is_dir() or folder.name in ("proc", "sys", "dev", "run", "tmp"):
            continue
        upper, work = Path("/run/upper") / folder.name, Path("/run/work") / folder.name
        upper.mkdir(parents=True)
        work.mkdir(parents=True)
        upper.chmod(folder.stat().st_mode & 0o7777)
        options = f"lowerdir={folder},upperdir={upper},workdir={work}"
        mount("-t", "overlay", "-o", options, "overlay", str(folder))
    mount("-t", "tmpfs", "-o", "mode=1777,size=256m", "tmpfs", "/tmp")
    mount("-o", "remount,ro,bind", "/")
    mount("-t", "tmpfs", "-o", "ro,size=4k", "tmpfs", "/sys")
    devices = {name: Path("/dev", name).stat().st_rdev for name in ("null", "zero", "full", "random", "urandom")}
    mount("-t", "tmpfs", "-o", "mode=755,size=256m", "tmpfs", "/dev")
    for name, number in devices.items():
        os.mknod(f"/dev/{name}", 0o020666, number)
        os.chmod(f"/dev/{name}", 0o666)  # noqa: PTH101
    Path("/dev/shm").mkdir()
    Path("/dev/shm").chmod(0o1777)
    Path("/dev/fd").symlink_to("/proc/self/fd")
    mount("--bind", "/proc/sys", "/proc/sys")
    mount("-o", "remount,ro,bind", "/proc/sys")
    if Path("/proc/sysrq-trigger").exists():
        mount("--bind", "/dev/null", "/proc/sysrq-trigger")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)


def open_way(*targets: str) -> None:
    """Let an ordinary user reach these paths; in the overlay, so the machine's own modes stay."""
    for target in targets:
        for path in (Path(target), Path(target).resolve()):
            for folder in path.parents:
                mode = folder.stat().st_mode & 0o7777
                if not mode & 0o001:
                    folder.chmod(mode | 0o011)


class Watch:
    """A host in its room, from its start to what it left behind."""

    def __init__(self, job: dict[str, Any], folder: Path, alone: bool) -> None:
        self.job, self.alone, self.folder = job, alone, folder
        self.secret = canaries.new_secret()
        owner = job.get("uid") or None
        folder.mkdir(parents=True, exist_ok=True)
        self.home = canaries.Home(folder / "home", self.secret, owner)
        self.home.fill()
        self.work = folder / "work"
        self.work.mkdir()
        if owner:
            os.chown(self.work, owner, owner)
        self.effects: list[str] = []
        self.lines: list[dict[str, Any]] = []
        self.strays = ""
        self.peak = 0

    def command(self, report: int) -> list[str]:
        """How the host is started."""
        host = "naive_host" if self.job["arm"] == "none" else "contained_host"
        command = [sys.executable, "-m", f"containment_arms.{host}", str(report)]
        if not self.alone:
            return command
        if self.job.get("uid"):
            user = str(self.job["uid"])
            drop = [
                "setpriv",
                "--reuid",
                user,
                "--regid",
                user,
                "--clear-groups",
                "--inh-caps=-all",
                "--bounding-set=-all",
            ]
        else:
            kept = "-all,+" + CAPABILITIES.replace(",", ",+")
            drop = ["setpriv", "--inh-caps=-all", f"--bounding-set={kept}"]
        if host == "naive_host":
            # A parent with the same variables, as a shell is: one attack reads its parent's environment.
            command = ["sh", "-c", '"$@"; exit $?', "sh", *command]
        return ["nice", "-n", "5", *drop, *command]

    def run(self) -> dict[str, Any]:
        """Start the host, watch it, look around."""
        listener = canaries.Listener()
        before = canaries.planted()
        outputs = [(self.folder / name).open("w+b") for name in ("stdout", "stderr")]
        receive, report = os.pipe()
        begun = time.monotonic()
        host = subprocess.Popen(
            self.command(report),
            stdin=subprocess.PIPE,
            stdout=outputs[0],
            stderr=outputs[1],
            pass_fds=(report,),
            cwd=self.work,
            env=canaries.environment(self.secret, self.home.path),
            start_new_session=True,
        )
        os.close(report)
        assert host.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            host.stdin.write(json.dumps({**self.job, "secret": self.secret}).encode())
            host.stdin.close()
        self.wait(host, receive, [output.fileno() for output in outputs])
        code = host.wait()
        if self.alone:
            time.sleep(0.05)
            self.left_behind()
        self.collect_late(receive)
        listener.collect(0.0)
        texts = self.strays
        for output in outputs:
            output.seek(0)
            text = output.read(OUTPUT_LIMIT)
            if len(text) > canaries.FLOOD:
                self.effects.append("log flooded")
            texts += text.decode(errors="replace")
            output.close()
        if not any(line.get("phase") == "ready" for line in self.lines):
            # Nothing has been run: this says nothing about the attack.
            return {"broken": texts[-2000:] or f"exit code {code}"}
        done = next((line for line in self.lines if line.get("phase") == "done"), None)
        if done is not None and "broken" in done:
            return {"broken": done["broken"]}
        if (done is None or code != 0) and not self.effects:
            self.effects.append(f"host died ({code})")
        self.effects += listener.effects() + self.home.effects()
        self.effects += [f"planted {path}" for path in sorted(canaries.planted() - before)[:3]]
        self.effects += [f"planted in working folder {p.name}" for p in self.work.iterdir()]
        listener.close()
        self.effects += [f"output: {what}" for what in canaries.text_effects(texts, self.secret)]
        done = done or {}
        return {
            "effects": [*dict.fromkeys([*done.get("effects", ()), *self.effects])],
            "refused": done.get("refused", False),
            "rules": done.get("rules", []),
            "cause": done.get("cause", "") or texts[-200:],
            "protection": done.get("protection", []),
            "seconds": round(time.monotonic() - begun, 2),
            "peak_mb": self.peak >> 20,
        }

    def wait(self, host: subprocess.Popen[bytes], receive: int, outputs: list[int]) -> None:
        """Until the host ends, hangs, takes too much memory or floods its log."""
        deadline = time.monotonic() + START_SECONDS
        naive = self.job["arm"] == "none"
        pending = b""
        while host.poll() is None:
            if select.select([receive], [], [], 0.01)[0]:
                piece = os.read(receive, 1 << 16)
                pending = self.take(pending + piece)
                if not piece:
                    time.sleep(0.01)
            if self.lines and self.lines[0].get("phase") == "ready" and "limit" not in self.lines[0]:
                self.lines[0]["limit"] = True
                allowed = self.job.get("naive_seconds", NAIVE_SECONDS) + self.job.get("late", 0.0)
                deadline = time.monotonic() + (allowed if naive else WALL_SECONDS)
            why = ""
            self.peak = max(self.peak, *(memory_of(pid) for pid in self.processes(host.pid)), 0)
            if self.peak > MEMORY_LANDED:
                why = f"memory: {self.peak >> 20} MB"
            elif time.monotonic() > deadline:
                why = "host hangs"
            elif any(os.fstat(output).st_size > OUTPUT_LIMIT for output in outputs):
                why = "log flooded"
            if why:
                self.effects.append(why)
                self.end(host)
                return
        self.take(pending)

    def end(self, host: subprocess.Popen[bytes]) -> None:
        """Kill the host and what it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(host.pid, signal.SIGKILL)
        for pid in self.processes(host.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        host.wait()

    def processes(self, host: int) -> list[int]:
        """The host and, where the room has its own process table, everything else in it."""
        if not self.alone:
            return [host]
        return [int(name) for name in os.listdir("/proc") if name.isdigit() and int(name) != os.getpid()]  # noqa: PTH208

    def left_behind(self) -> None:
        """Processes that outlive their host."""
        # The room is their new parent: those that have ended already only wait to be fetched.
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        left = []
        for pid in self.processes(0):
            with contextlib.suppress(OSError):
                left.append(Path(f"/proc/{pid}/comm").read_text(encoding="utf-8").strip())
        if left:
            self.effects.append(f"process left: {left[0]}" + (f" and {len(left) - 1} more" if len(left) > 1 else ""))

    def collect_late(self, receive: int) -> None:
        """What lies in the pipe when the host has ended."""
        os.set_blocking(receive, False)
        pending = b""
        with contextlib.suppress(BlockingIOError):
            while piece := os.read(receive, 1 << 16):
                pending += piece
        self.take(pending + b"\n")
        os.close(receive)

    def take(self, text: bytes) -> bytes:
        """Keep whole lines; an attack may have written between them."""
        *lines, rest = text.split(b"\n")
        for line in lines:
            try:
                value = json.loads(line)
            except ValueError:
                value = None
            if isinstance(value, dict):
                self.lines.append(value)
            else:
                self.strays += line.decode(errors="replace")[:10_000]
        return rest


def memory_of(pid: int) -> int:
    """Bytes that a process holds in memory; 0 if it is gone."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    except (OSError, IndexError):
        return 0


def main() -> None:
    """Furnish, run one job, tell."""
    job = json.loads(sys.stdin.read())
    furnish()
    if job.get("uid"):
        open_way(sys.executable, __file__, os.__file__)
    print(json.dumps(Watch(job, Path("/tmp/room"), alone=True).run()))


if __name__ == "__main__":
    main()

"""Does the lock hold below Docker's default seccomp profile? For machines without Docker.

    python benchmarks/docker_profile.py default.json reward-synth doctor
    setpriv --bounding-set=-all --no-new-privs python benchmarks/docker_profile.py default.json reward-synth doctor

``default.json`` is the profile as Docker publishes it (github.com/moby/profiles, seccomp/default.json). It is compiled
as Docker does for a container with the default capabilities on x86_64, and put on this process, which then becomes the
command. Of arguments that the profile looks at, the low half is compared. Mounts, namespaces and AppArmor are not made.
The second line takes every capability away first, as from an ordinary user.
"""

from __future__ import annotations

import ctypes
import json
import os
import platform
import re
import struct
import sys
from pathlib import Path
from typing import Any

from reward_synth.sandbox import system_calls
from reward_synth.sandbox.system_calls import ALLOW, EQUAL, ERROR, LOAD, RETURN, Instruction

HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
CAPABILITIES = {
    "CAP_AUDIT_WRITE", "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_MKNOD",
    "CAP_NET_BIND_SERVICE", "CAP_NET_RAW", "CAP_SETFCAP", "CAP_SETGID", "CAP_SETPCAP", "CAP_SETUID", "CAP_SYS_CHROOT",
}  # fmt: skip
"""Those of a container that was started without options."""
AND, GREATER = 0x54, 0x25
COMPARED = {"SCMP_CMP_EQ": (EQUAL, True), "SCMP_CMP_GT": (GREATER, True), "SCMP_CMP_LT": (0x35, False)}
"""The instruction that compares, and whether the condition holds where it jumps."""


def applies(rule: dict[str, Any]) -> bool:
    """True if the rule is in force for such a container on x86_64."""
    wanted, unwanted = rule.get("includes") or {}, rule.get("excludes") or {}
    if unwanted.get("caps") and CAPABILITIES & set(unwanted["caps"]):
        return False
    if "amd64" in unwanted.get("arches", ()) or (wanted.get("arches") and "amd64" not in wanted["arches"]):
        return False
    return set(wanted.get("caps", ())) <= CAPABILITIES


def block(number: int, rule: dict[str, Any]) -> list[Instruction]:
    """Give the rule's answer to that call where its conditions hold; go on behind it elsewhere."""
    allowed = rule["action"] == "SCMP_ACT_ALLOW"
    inner: list[Instruction] = [(RETURN, 0, 0, ALLOW if allowed else ERROR | rule.get("errnoRet", 1))]
    for condition in reversed(rule.get("args") or []):
        load: list[Instruction] = [(LOAD, 0, 0, system_calls.FIRST_ARGUMENT + 8 * condition["index"])]
        value, masked = condition["value"], condition["op"] == "SCMP_CMP_MASKED_EQ"
        if masked:
            load.append((AND, 0, 0, value))
        code, jumps = (EQUAL, True) if masked else COMPARED[condition["op"]]
        operand = condition.get("valueTwo", 0) if masked else value
        past = len(inner)
        inner = [*load, (code, 0 if jumps else past, past if jumps else 0, operand & 0xFFFFFFFF), *inner]
    inner.append((LOAD, 0, 0, system_calls.NUMBER))
    return [(EQUAL, 0, len(inner), number), *inner]


def program(profile: dict[str, Any]) -> bytes:
    """The profile as a program for the kernel."""
    numbers = {name: int(n) for name, n in re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text())}
    lines: list[Instruction] = [
        (LOAD, 0, 0, system_calls.ARCHITECTURE), (EQUAL, 1, 0, system_calls.MACHINES["x86_64"].audit),
        (RETURN, 0, 0, ERROR | 1), (LOAD, 0, 0, system_calls.NUMBER),
    ]  # fmt: skip
    for rule in filter(applies, profile["syscalls"]):
        for name in rule["names"]:
            lines += block(numbers[name], rule) if name in numbers else []
    lines.append((RETURN, 0, 0, ERROR | profile["defaultErrnoRet"]))
    return b"".join(struct.pack("=HBBI", *line) for line in lines)


def main(file: str, *command: str) -> None:
    """Put the profile on this process and become the command."""
    if platform.machine() != "x86_64":
        sys.exit("this compiles the profile for x86_64 only")
    code = program(json.loads(Path(file).read_text(encoding="utf-8")))
    kept = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("@HP", len(code) // 8, ctypes.addressof(kept))
    library = ctypes.CDLL(None, use_errno=True)
    set_no_new_privs, set_seccomp, filter_mode = 38, 22, 2
    if library.prctl(set_no_new_privs, 1, 0, 0, 0) or library.prctl(set_seccomp, filter_mode, head, 0, 0):
        sys.exit(f"the kernel refuses the profile: {os.strerror(ctypes.get_errno())}")
    os.execvp(command[0], command)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])

"""Which system calls a process may still make, as programs for the kernel's seccomp filter.

The locked reward process imports this module, so it may import the standard library only. The numbers come from the
kernel's own headers; ``man 2 NAME`` explains a call.
"""

from __future__ import annotations

import errno
import os
import struct
from typing import NamedTuple

# name: number on x86_64, number on aarch64 (None: that machine has no such call)
Table = dict[str, tuple[int | None, int | None]]

COMPUTATION: Table = {
    "read": (0, 63), "write": (1, 64), "poll": (7, None), "ppoll": (271, 73), "futex": (202, 98),
    "mmap": (9, 222), "mprotect": (10, 226), "munmap": (11, 215), "mremap": (25, 216), "brk": (12, 214),
    "madvise": (28, 233), "close": (3, 57), "fstat": (5, 80), "lseek": (8, 62), "readv": (19, 65), "writev": (20, 66),
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "sigaltstack": (131, 132),
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101),
    "gettimeofday": (96, 169), "getrandom": (318, 278), "getpid": (39, 172), "gettid": (186, 178),
    "sched_yield": (24, 124), "membarrier": (324, 283), "rseq": (334, 293), "restart_syscall": (219, 128),
    "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip
"""All calls that numpy's arithmetic, memory, and already open pipes need."""

ESCAPE: Table = {
    # other machines and other processes' sockets
    "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203), "bind": (49, 200), "listen": (50, 201),
    "accept": (43, 202), "accept4": (288, 242), "sendto": (44, 206), "sendmsg": (46, 211), "sendmmsg": (307, 269),
    # new programs and processes (threads are allowed, see `deny_program`)
    "execve": (59, 221), "execveat": (322, 281), "fork": (57, None), "vfork": (58, None),
    # other processes: their memory, their descriptors, signals to them
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "kcmp": (312, 272), "kill": (62, 129), "tkill": (200, 130),
    "rt_sigqueueinfo": (129, 138), "rt_tgsigqueueinfo": (297, 240), "pidfd_open": (434, 434), "pidfd_getfd": (438, 438),
    "msgget": (68, 186), "semget": (64, 190), "shmget": (29, 194), "mq_open": (240, 180),
    # owners, modes, times and attributes of files, for which Landlock has no right; device files
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "utime": (132, None), "utimes": (235, None),
    "futimesat": (261, None), "utimensat": (280, 88), "setxattr": (188, 5), "lsetxattr": (189, 6),
    "fsetxattr": (190, 7), "removexattr": (197, 14), "lremovexattr": (198, 15), "fremovexattr": (199, 16),
    "mknod": (133, None), "mknodat": (259, 33), "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # file systems and namespaces
    "mount": (165, 40), "umount2": (166, 39), "move_mount": (429, 429), "fsopen": (430, 430), "fsconfig": (431, 431),
    "fsmount": (432, 432), "fspick": (433, 433), "open_tree": (428, 428), "mount_setattr": (442, 442),
    "pivot_root": (155, 41), "chroot": (161, 51), "unshare": (272, 97), "setns": (308, 268),
    # parts of the kernel that have been exploited before
    "io_uring_setup": (425, 425), "io_uring_enter": (426, 426), "io_uring_register": (427, 427), "bpf": (321, 280),
    "perf_event_open": (298, 241), "userfaultfd": (323, 282), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None),
    # the machine as a whole, and other users
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "acct": (163, 89), "quotactl": (179, 60), "settimeofday": (164, 170), "clock_settime": (227, 112),
    "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161), "setdomainname": (171, 162),
    "syslog": (103, 116), "personality": (135, 92), "setuid": (105, 146), "setgid": (106, 144),
    "setreuid": (113, 145), "setregid": (114, 143), "setresuid": (117, 147), "setresgid": (119, 149),
    "setgroups": (116, 159), "setfsuid": (122, 151), "setfsgid": (123, 152), "capset": (126, 91),
}  # fmt: skip
"""Calls that a training or an evaluation never makes, but that code which broke into it would make."""

SPECIAL: Table = {"clone": (56, 220), "clone3": (435, 435), "tgkill": (234, 131)}
"""Calls that are allowed or refused depending on their arguments."""


class Machine(NamedTuple):
    """A processor architecture as seccomp sees it."""

    column: int
    """Index of its number in the pairs of a :data:`Table`."""
    audit: int
    """The kernel's AUDIT_ARCH constant."""


MACHINES = {"x86_64": Machine(0, 0xC000003E), "aarch64": Machine(1, 0xC00000B7)}

LOAD, EQUAL, AT_LEAST, ANY_BIT, RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
ALLOW, KILL, ERROR = 0x7FFF0000, 0x80000000, 0x00050000
NUMBER, ARCHITECTURE, FIRST_ARGUMENT = 0, 4, 16
FIRST_X32 = 0x40000000
"""x86_64 also accepts calls with this bit set. They have other numbers, which would bypass any list."""
PROT_EXEC, CLONE_THREAD = 0x4, 0x10000

Instruction = tuple[int, int, int, int]
"""Code, jump if true, jump if false, operand: one ``struct sock_filter``."""


def compute_program(machine: Machine) -> bytes:
    """Allow the calls of :data:`COMPUTATION`, no memory that can be executed, and answer EPERM to all others."""
    program = _head(machine)
    for name in ("mmap", "mprotect"):
        # The third argument is the protection asked for.
        inner = [_argument(2), (ANY_BIT, 0, 1, PROT_EXEC), _error(errno.EPERM), _allow()]
        program += _if_call(COMPUTATION[name][machine.column], inner)
    for numbers in COMPUTATION.values():
        program += _if_call(numbers[machine.column], [_allow()])
    # After ENOSYS the C library tries `clone` instead, and reports the refusal of that call as an error.
    program += _if_call(SPECIAL["clone3"][machine.column], [_error(errno.ENOSYS)])
    return _packed([*program, _error(errno.EPERM)])


def deny_program(machine: Machine) -> bytes:
    """Answer EPERM to the calls of :data:`ESCAPE` and to new processes; allow threads and all else.

    A process may send signals only to itself, which it needs to abort.
    """
    program = _head(machine)
    for numbers in ESCAPE.values():
        program += _if_call(numbers[machine.column], [_error(errno.EPERM)])
    thread = [_argument(0), (ANY_BIT, 0, 1, CLONE_THREAD), _allow(), _error(errno.EPERM)]
    program += _if_call(SPECIAL["clone"][machine.column], thread)
    program += _if_call(SPECIAL["clone3"][machine.column], [_error(errno.ENOSYS)])
    itself = [_argument(0), (EQUAL, 0, 1, os.getpid()), _allow(), _error(errno.EPERM)]
    program += _if_call(SPECIAL["tgkill"][machine.column], itself)
    return _packed([*program, _allow()])


def _head(machine: Machine) -> list[Instruction]:
    """Kill a process that uses another architecture's call numbers; then load the call's number."""
    program: list[Instruction] = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, machine.audit),
        (RETURN, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
    ]
    if machine.column == 0:
        program += [(AT_LEAST, 0, 1, FIRST_X32), (RETURN, 0, 0, KILL)]
    return program


def _if_call(number: int | None, then: list[Instruction]) -> list[Instruction]:
    """Run ``then``, which must return, for this call; skip it for others."""
    return [] if number is None else [(EQUAL, 0, len(then), number), *then]


def _argument(index: int) -> Instruction:
    """Load the low half of an argument; both machines are little-endian."""
    return (LOAD, 0, 0, FIRST_ARGUMENT + 8 * index)


def _allow() -> Instruction:
    return (RETURN, 0, 0, ALLOW)


def _error(number: int) -> Instruction:
    return (RETURN, 0, 0, ERROR | number)


def _packed(program: list[Instruction]) -> bytes:
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in program)

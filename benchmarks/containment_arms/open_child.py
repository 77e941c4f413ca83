"""A reward process without the restricted namespace and with much of the standard library imported before the lock.

So payloads reach the kernel instead of failing at an import. Run in place of ``sandbox/child.py``, with its arguments.
"""

from __future__ import annotations

import builtins
import contextlib
import importlib
import os
import runpy
import site
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

PROGRAM = Path(__file__).resolve().parents[2] / "reward_synth" / "sandbox" / "child.py"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


MODULES = _words(
    """
    _ctypes _interpreters _posixsubprocess _sitebuiltins _socket _thread _xxsubinterpreters abc argparse array ast
    asyncio base64 bisect builtins bz2 cProfile calendar cmath code codecs collections concurrent.futures
    concurrent.futures.process configparser contextlib copy csv ctypes ctypes.util dataclasses datetime dbm
    dbm.dumb decimal difflib dis email email.message encodings.cp437 encodings.idna encodings.utf_7 enum errno
    faulthandler fcntl fileinput fractions ftplib functools gc getpass glob gzip hashlib heapq hmac html
    http.client http.server importlib importlib.machinery importlib.util inspect io ipaddress itertools json
    linecache locale logging logging.config logging.handlers lzma marshal mimetypes mmap multiprocessing
    multiprocessing.connection multiprocessing.context multiprocessing.pool multiprocessing.popen_fork
    multiprocessing.queues multiprocessing.resource_tracker multiprocessing.shared_memory
    multiprocessing.synchronize netrc numbers numpy.ctypeslib numpy.f2py numpy.fft numpy.lib.format
    numpy.lib.npyio numpy.linalg._umath_linalg numpy.random numpy.testing operator os pathlib pdb pickle pkgutil
    platform pprint profile pty pwd py_compile queue random re resource runpy sched secrets select selectors
    shelve shlex shutil signal site smtplib socket socketserver sqlite3 ssl stat statistics string struct
    subprocess symtable sysconfig syslog tarfile tempfile termios textwrap threading time timeit token tokenize
    traceback tracemalloc tty types typing unittest urllib.request uuid warnings weakref webbrowser
    xml.etree.ElementTree xmlrpc.client zipfile zipimport zlib
    """
)


def take_home() -> None:
    """Let `~` mean the home with the canaries, which the clean environment does not tell."""
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{os.getppid()}/environ").read_bytes().split(b"\0"):
            if entry.startswith(b"HOME="):
                os.environ["HOME"] = os.fsdecode(entry[5:])


def load_namespace() -> Any:
    """The module that makes the namespaces, found as the reward process will find it."""
    for name in ("reward_synth", "reward_synth.reward"):
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__path__ = [str(PROGRAM.parents[2].joinpath(*name.split(".")))]
    return importlib.import_module("reward_synth.reward.namespace")


def open_namespace(**values: object) -> dict[str, Any]:
    """Globals with all builtins."""
    return {"__builtins__": builtins, "__name__": "reward", **values}


def main() -> None:
    """Import, open, and go on as the real program does."""
    sys.path.append(sys.argv[6])
    for module in MODULES:
        # Not every version of Python has each of them.
        with contextlib.suppress(ImportError):
            importlib.import_module(module)
    # `exit` and its kin, which -S leaves out, are a way to other modules.
    site.setquit()
    take_home()
    load_namespace().new_namespace = open_namespace
    runpy.run_path(str(PROGRAM), run_name="__main__")


if __name__ == "__main__":
    main()

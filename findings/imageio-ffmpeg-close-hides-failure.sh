#!/usr/bin/env bash
# imageio-ffmpeg 0.8.1: write_frames() reports a film as written although ffmpeg could not write it.
#
# Expected: closing the writer raises an error if ffmpeg ended with one, since only then is the film's fate known: H.264
#           is buffered, so that all pictures of a short film are accepted before the first byte is written.
# Seen:     send() and close() raise nothing. ffmpeg's exit code is never looked at, and a file that no reader opens
#           stands under the film's name. Here the limit on a file's size stands for a full disk.
# Exits with 0 if this is seen, and with 1 if it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check imageio-ffmpeg==0.8.1 numpy==2.3.5
cat > film.py <<'PY'
import resource
import signal
import subprocess
import sys

import imageio_ffmpeg
import numpy as np

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
pictures = np.random.default_rng(0).integers(0, 256, (20, 240, 320, 3), dtype=np.uint8)
limit = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, limit[1]))
raised = None
try:
    writer = imageio_ffmpeg.write_frames("film.mp4", (320, 240), ffmpeg_log_level="quiet")
    writer.send(None)
    for picture in pictures:
        writer.send(np.ascontiguousarray(picture))
    writer.close()
except Exception as error:
    raised = error
exe = imageio_ffmpeg.get_ffmpeg_exe()
reads = subprocess.run([exe, "-v", "quiet", "-i", "film.mp4", "-f", "null", "-"], check=False).returncode == 0
print(f"imageio-ffmpeg {imageio_ffmpeg.__version__}: raised {raised!r}; the film can be read: {reads}")
sys.exit(0 if raised is None and not reads else 1)
PY
env/bin/python film.py

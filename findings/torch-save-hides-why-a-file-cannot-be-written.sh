#!/usr/bin/env bash
# torch 2.13.0: torch.save into an open Python file does not raise the file's own OSError when the disk is full.
#
# Expected: the OSError that the file's write raised (here: File too large, the limit that `ulimit -f` sets; on a full
#           disk: No space left on device), as json.dump, pickle.dump and numpy.savez raise it, so that a training
#           loop can tell a full disk from a fault of its own.
# Seen:     RuntimeError "[enforce fail at inline_container.cc:…] . unexpected pos … vs …", since the archive is closed
#           while the first error is on its way, and closing it fails too. The OSError is left as the error's context
#           only, where no `except OSError` finds it.
# Exits with 0 if this is seen, and with 1 if it has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv env
env/bin/pip install -q --disable-pip-version-check torch==2.13.0 numpy==2.3.5
cat > full.py <<'PY'
import pickle
import resource
import sys

import numpy as np
import torch

weights = torch.zeros(250_000)  # 1 MB
resource.setrlimit(resource.RLIMIT_FSIZE, (500_000, resource.RLIM_INFINITY))
writers = {
    "pickle.dump": lambda file: pickle.dump(weights.numpy(), file),
    "numpy.savez": lambda file: np.savez(file, weights=weights.numpy()),
    "torch.save": lambda file: torch.save({"weights": weights}, file),
}
raised = {}
for name, write in writers.items():
    try:
        with open("checkpoint", "wb") as file:
            write(file)
    except Exception as error:
        raised[name] = error
    print(f"{name}: {type(raised[name]).__name__}: {str(raised[name])[:90]}")
error = raised["torch.save"]
hidden = error
while hidden is not None and not isinstance(hidden, OSError):
    hidden = hidden.__context__
print("torch", torch.__version__, "hides", repr(hidden))
others = all(isinstance(raised[name], OSError) for name in ("pickle.dump", "numpy.savez"))
sys.exit(0 if others and isinstance(error, RuntimeError) and isinstance(hidden, OSError) else 1)
PY
env/bin/python -W ignore full.py

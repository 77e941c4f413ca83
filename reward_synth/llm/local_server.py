"""The process that holds the local model: started by ``local.py``, never imported.

It reads one line of JSON from stdin, loads the model, serves llama.cpp's HTTP interface on loopback, writes its
address to a file, and ends when stdin closes, so that it cannot outlive the process that started it. It imports only
the standard library and xllamacpp, and runs as a script, apart from the package.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    """Serve until stdin closes."""
    settings = json.loads(sys.stdin.readline())
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    parameters.model.path = settings["model"]
    parameters.n_ctx = settings["context"]
    parameters.n_parallel = settings["slots"]
    # What it computes at once anyway. A larger batch would keep it from saying how far it is.
    parameters.n_batch = 512
    parameters.cpuparams.n_threads = settings["threads"]
    parameters.cpuparams_batch.n_threads = settings["threads"]
    # llama.cpp's defaults stay: flash attention, 16-bit keys and values, and repacked weights give 10.0 tokens per
    # second of processor time. It was 7.9 without flash attention, 8.5 with 8-bit keys and values, 8.4 without
    # repacking. Four parallel samples give no more tokens than one: arithmetic is the limit, not memory.
    # All slots share one pool of cells: one long prompt may use all, and a slot can take over another's prompt.
    parameters.kv_unified = True
    # The slots share a prompt by saving slot 0 and restoring it elsewhere. llama.cpp's own cache would first clear
    # every idle slot, and the restored slots are idle.
    parameters.cache_idle_slots = False
    parameters.cache_ram_mib = 0
    parameters.slot_save_path = settings["slot_folder"]
    parameters.api_keys = [settings["token"]]
    parameters.ui = False
    server = xllamacpp.Server(parameters)
    target = Path(settings["address_file"])
    part = target.with_suffix(".part")
    part.write_text(server.listening_address, encoding="utf-8")
    part.replace(target)
    sys.stdin.read()
    # Exit without joining the C++ threads: waiting for an answer that nobody will read would keep the memory.
    os._exit(0)


if __name__ == "__main__":
    main()

"""The process that holds the local model: started by ``local.py``, never imported.

It reads one line of JSON from stdin, loads the model, serves llama.cpp's HTTP interface on loopback, writes its
address to a file, and ends when stdin closes, so that it cannot outlive whoever started it. Only the standard library
and xllamacpp are imported: it runs as a script, apart from the package.
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
    parameters.cpuparams.n_threads = settings["threads"]
    parameters.cpuparams_batch.n_threads = settings["threads"]
    # Flash attention, 16-bit keys and values and repacked weights are llama.cpp's own choice and stay: per second of
    # processor time it made 10.0 tokens so, 7.9 without flash attention, 8.5 with 8-bit keys and values, 8.4 without
    # repacking. Four samples side by side make no more of them than one: arithmetic is the limit, not memory.
    # One pool of cells for all slots: a lone long prompt may use all of it, and a slot can take over another's prompt.
    parameters.kv_unified = True
    # The slots' prompts are shared by saving slot 0 and restoring it elsewhere; llama.cpp's own cache would first clear
    # every slot that is idle, which is what the restored ones are.
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
    # The C++ threads need no farewell, and waiting for an answer that nobody will read would hold the memory.
    os._exit(0)


if __name__ == "__main__":
    main()

"""``python -m reward_synth`` is the command line."""

from __future__ import annotations

from reward_synth.cli.app import main

if __name__ == "__main__":
    main()

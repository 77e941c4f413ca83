"""A sentence in; a dense reward function you can read, and the policy it trains, out."""

from __future__ import annotations

__version__ = "0.1.0"

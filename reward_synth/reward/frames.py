"""The messages to and from the reward process: fixed headers, float64 values, bounded text.

The locked reward process imports this module, so it may import the standard library only. Nothing that comes
back is ever unpickled or parsed: a hostile child can send wrong numbers and no more.
"""

from __future__ import annotations

import struct

REQUEST = struct.Struct("<4I")
"""Kind, rows, width of an action, bytes of text; the size of the rest follows from them."""
SETUP, BATCH, EPISODE = 1, 2, 3

ANSWER = struct.Struct("<4I")
"""Status (an index into :data:`STATUSES`), line, bytes of text, float64 values after the text."""
STATUSES = (
    "ok", "not-locked", "exception", "memory", "forbidden",
    "no-function", "wrong-signature", "wrong-return", "wrong-shape",
    "wrong-type", "new-term", "term-name", "too-many-terms",
)  # fmt: skip

EPISODE_HEAD = struct.Struct("<d2I")
"""Seconds per step, horizon, terminated; it comes before the rows of an episode."""

FIRST_READ = 1 << 14
"""Bytes to read before a frame's size is known. Reading many more is slower, because Python maps new memory."""

TEXT_LIMIT = 4096
"""Bytes of UTF-8 that an answer may carry."""
MAXIMUM_TERMS = 16
MAXIMUM_NAME = 60
"""Characters in the name of a term."""

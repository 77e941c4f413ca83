from __future__ import annotations

from tests.llm.conftest import chat_server

__all__ = ["chat_server"]

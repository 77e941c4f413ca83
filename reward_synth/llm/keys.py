"""API keys: which exist, which model they make the default, and how they are kept out of texts."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

from reward_synth.core.errors import RewardSynthError
from reward_synth.settings.sources import is_secret, take_keys

# Tried in this order. Each is a general model of the middle price class: a run makes some fifty calls of a few thousand
# tokens. `openrouter` and cloud platforms are missing, since their keys do not say which model is meant.
DEFAULT_MODELS: dict[str, str] = {
    "OPENAI_API_KEY": "gpt-5.4",
    "ANTHROPIC_API_KEY": "anthropic/claude-sonnet-5",
    "GEMINI_API_KEY": "gemini/gemini-3.5-flash",
    "MISTRAL_API_KEY": "mistral/mistral-large-latest",
    "DEEPSEEK_API_KEY": "deepseek/deepseek-chat",
    "XAI_API_KEY": "xai/grok-4.5",
    "GROQ_API_KEY": "groq/openai/gpt-oss-120b",
}

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})
_SECRET_TEXT = re.compile(
    r"((?<![A-Za-z0-9])sk-[A-Za-z0-9_*-]{6,}|AIza[A-Za-z0-9_-]{10,}|gsk_[A-Za-z0-9]{8,}|xai-[A-Za-z0-9]{8,}|hf_[A-Za-z0-9]{8,}"
    r"|(?<=Bearer )[^\s\"']+|(?<=[?&]key=)[^\s&\"']+)"
)


def secret_names(environment: Mapping[str, str]) -> tuple[str, ...]:
    """Names of the variables that look like secrets. No child process needs them."""
    return tuple(name for name in environment if is_secret(name))


def environment_without_keys() -> dict[str, str]:
    """The environment for a child process."""
    secrets = secret_names(os.environ)
    return {name: value for name, value in os.environ.items() if name not in secrets}


def without_own_keys(text: str) -> str:
    """``text`` without the keys of the environment: a server may send back what it was sent, and answers are kept."""
    values = {os.environ[name] for name in secret_names(os.environ)}
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= 8:
            text = text.replace(value, "[key]")
    return text


def scrub(text: str) -> str:
    """``text`` without keys: neither those of the environment nor anything else that looks like a key."""
    return _SECRET_TEXT.sub("[key]", without_own_keys(text))


def key_for_server(base_url: str, provider: str) -> str:
    """The key for a server of the user's own: ``REWARD_SYNTH_API_KEY``, else the provider's, else the word "none".

    The provider's key is sent only over https or to this machine.

    :raises RewardSynthError: if the key has characters that no request can carry.
    """
    name, address = "REWARD_SYNTH_API_KEY", urlsplit(base_url)
    if not os.environ.get(name) and (address.scheme == "https" or address.hostname in _THIS_MACHINE):
        name = f"{provider.upper()}_API_KEY"
    key = os.environ.get(name) or "none"
    if not (key.isascii() and key.isprintable()):
        raise RewardSynthError(f"{name} holds characters that are in no key", "copy the key once more")
    return key


def load_env_file() -> tuple[str, ...]:
    """Load keys from the ``.env`` of the working folder, if there is one. Returns the names of the loaded keys."""
    from dotenv import dotenv_values

    return take_keys(dotenv_values(Path.cwd() / ".env"))


def default_model() -> tuple[str, str]:
    """The default model, and why: that of the first provider whose key is found, else ``local``."""
    load_env_file()
    for key, name in DEFAULT_MODELS.items():
        if os.environ.get(key):
            return name, f"{key} is set"
    return "local", "no API key was found"

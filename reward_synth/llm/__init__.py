"""Language models behind one common protocol."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import needs_no_server
from reward_synth.core.nearest import did_you_mean, nearest_meaning
from reward_synth.events.model import AnswerProgressed
from reward_synth.llm.base import Message, Model, Reply, Request, Waiting
from reward_synth.llm.keys import default_model

__all__ = ["Message", "Model", "Reply", "Request", "Waiting", "default_model", "open_model"]


def open_model(
    name: str,
    *,
    base_url: str | None = None,
    cache_dir: Path | None = None,
    manual_dir: Path | None = None,
    announce: Callable[[list[tuple[Path, Path]]], None] | None = None,
    waiting: Waiting | None = None,
    progress: Callable[[int, int], None] | None = None,
    working: Callable[[AnswerProgressed], None] = lambda _: None,
) -> Model:
    """Open the model of that name, ready for requests.

    :param name: ``local``, ``manual``, ``exec:COMMAND``, ``replay:FILE``, or a name that litellm or the
        ``base_url`` knows.
    :param base_url: an OpenAI-compatible server, for ``NAME`` or ``openai/NAME``; litellm decides about other prefixes.
    :param cache_dir: answers are kept there, so that no request is made twice; None keeps none.
    :param manual_dir: where ``manual`` puts its prompts; default ``manual`` in the working folder.
    :param announce: ``manual`` reports to it the (prompt, answer) files that it waits for.
    :param waiting: how long an answer is waited for, and what ends the waiting.
    :param progress: ``local`` reports to it the download of its weights: bytes so far, bytes in all.
    :param working: ``local`` tells it every two seconds how far the answers are.
    :raises RewardSynthError: if there is no such model, or what it needs is missing: a key, a package, a file.
    """
    chosen, waiting = name.strip(), waiting or Waiting()
    model: Model
    if base_url is not None and needs_no_server(chosen):
        raise RewardSynthError(f"--base-url has no meaning for model {chosen}", "leave it out, or name another --model")
    if chosen == "local":
        from reward_synth.llm.local import LocalModel

        model = LocalModel(progress, working, waiting)
    elif chosen == "manual":
        from reward_synth.llm.manual import ManualModel

        model = ManualModel(manual_dir or Path("manual"), announce=announce, waiting=waiting)
    elif chosen.startswith("exec:"):
        from reward_synth.llm.program import ProgramModel

        model = ProgramModel(chosen, waiting)
    elif chosen.startswith("replay:"):
        from reward_synth.llm.replay import ReplayModel

        model = ReplayModel(Path(chosen.removeprefix("replay:")).expanduser())
    else:
        if base_url is None:
            _refuse_slips(chosen)
        model = _hosted(chosen, base_url, waiting)
    if cache_dir is None:
        return model
    from reward_synth.llm.cache import Cached

    return Cached(model, cache_dir, endpoint=base_url)


def _hosted(name: str, base_url: str | None, waiting: Waiting) -> Model:
    """A model behind a server: asked directly where that is enough, since importing litellm takes seconds."""
    from reward_synth.llm.keys import load_env_file
    from reward_synth.llm.openai_server import OpenAIServerModel, is_asked_directly

    load_env_file()
    if base_url is not None and is_asked_directly(name):
        return OpenAIServerModel(name, base_url, waiting)
    from reward_synth.llm.litellm import LiteLLMModel, has_provider

    if base_url is not None and not has_provider(name):
        return OpenAIServerModel(name, base_url, waiting)
    return LiteLLMModel(name, base_url, waiting)


def _refuse_slips(name: str) -> None:
    """Refuse a mistyped name of ours at once: litellm takes seconds to import before it reports an unknown name."""
    if not name:
        raise RewardSynthError("the model's name is empty", "name one, for example --model local")
    hints = {
        "replay": "write replay:FILE",
        "exec": "write exec:COMMAND",
        "scripted": "it is for tests: reward_synth.llm.fake.ScriptedModel",
    }
    if name in hints:
        raise RewardSynthError(f"model {name} cannot be opened by that name", hints[name])
    head = name.lower().split(":")[0]
    ours = {"local": "local", "manual": "manual", "replay": "replay:FILE", "exec": "exec:COMMAND"}
    if "/" not in head and (meant := did_you_mean(nearest_meaning(head, ours, cutoff=0.75))):
        raise RewardSynthError(f"unknown model {name}", meant)

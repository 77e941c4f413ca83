"""Asks a person about an iteration: in the terminal, or by the options of ``reward-synth feedback``.

The loop passes a :class:`~reward_synth.core.types.FeedbackRequest` and gets a
:class:`~reward_synth.core.types.Feedback`. The store and the loop write the files.
"""

from __future__ import annotations

import ast
import os
import shlex
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from reward_synth.core.errors import GivenUp, RewardSynthError
from reward_synth.core.feedback import Feedback, FeedbackCandidate, FeedbackRequest
from reward_synth.core.syntax import parse
from reward_synth.core.types import Candidate
from reward_synth.display.text import printable, result_text
from reward_synth.preferences.episodes import listed_episodes
from reward_synth.store import RunStore

REJECTION = "None of these candidates does what I want."
_KEYS = (
    "(1-{count}) best   (n)ote   (e)dit a reward   (c)ontinue with what you said   (a)ccept & stop\n"
    "(s)kip   (d)on't ask again   (q)uit, resume later"
)


class ConsoleAsk:
    """Shows a request to the person at the terminal, and collects the answer key by key.

    :param read: shows its first argument and returns a line; raises EOFError at the end of input, as :func:`input`
        does, and :class:`GivenUp` once its second argument, a function, says true.
    :param write: shows a line.
    :param edit: opens text in an editor and returns what was saved.
    """

    def __init__(
        self,
        read: Callable[[str, Callable[[], bool]], str],
        write: Callable[[str], None],
        edit: Callable[[str, str], str] | None = None,
    ) -> None:
        self._read = read
        self._write = write
        self._edit = edit or open_in_editor
        self._silenced = False
        self._answer = Path()

    def __call__(self, request: FeedbackRequest) -> Feedback | None:
        """The person's answer. The end of input counts as ``skip``, and so does everything after ``d``.

        None if the answer was given elsewhere, on the page or by ``reward-synth feedback``: the first one wins.
        """
        iteration = request.iteration
        self._answer = Path(request.answer)
        if self._silenced:
            return Feedback(iteration=iteration, action="skip")
        candidates = request.candidates
        for line in request_text(request):
            self._write(line)
        said: dict[str, Any] = {"iteration": iteration}
        while True:
            self._write(_KEYS.format(count=len(candidates)) if candidates else _KEYS[_KEYS.index("(n)") :])
            try:
                key, _, rest = self._line("> ").strip().partition(" ")
                answer = self._take(key.lower(), rest.strip(), said, candidates)
            except EOFError:
                return Feedback(iteration=iteration, action="skip")
            except GivenUp:
                self._write("answered elsewhere")
                return None
            except RewardSynthError as error:
                self._write(str(error))
                continue
            if answer is not None:
                return answer

    def _line(self, question: str) -> str:
        return self._read(question, lambda: self._answer.is_file())

    def _take(
        self, key: str, rest: str, said: dict[str, Any], candidates: Sequence[FeedbackCandidate]
    ) -> Feedback | None:
        """Handle one key. Returns the answer once it is complete."""
        if key in ("q", "quit"):
            return Feedback(iteration=said["iteration"], action="stop")
        if key in ("s", "skip", "d"):
            self._silenced = key == "d"
            return Feedback(iteration=said["iteration"], action="skip")
        if key in ("c", "continue") or (key == "" and len(said) > 1):
            return Feedback.model_validate(said)
        if key in ("a", "accept"):
            return Feedback.model_validate(said | {"action": "accept"})
        if key in ("n", "note"):
            said["note"] = (
                rest or self._line("note (empty: opens an editor): ").strip() or self._edit("", ".md").strip()
            )
            self._write("noted")
        elif key in ("e", "edit"):
            said |= self._edited(rest, said, candidates)
            self._write(f"your reward follows {said['edited_from'] or 'nothing'} and is tried in the next iteration")
        else:
            chosen = _choose(key, candidates)
            if chosen is None:
                self._write(f"'{key}' is none of the keys")
            else:
                said["prefer"] = chosen.id
                self._write(f"{chosen.id} is the best to you")
        return None

    def _edited(
        self, which: str, said: Mapping[str, Any], candidates: Sequence[FeedbackCandidate]
    ) -> dict[str, str | None]:
        """Read a file that the person names, or a copy of a candidate's reward opened in their editor."""
        parent = _choose(which, candidates) or _choose(said.get("prefer") or "1", candidates)
        path = Path(which) if which and _choose(which, candidates) is None else None
        if path is None:
            typed = self._line("your reward.py (empty: opens a copy in an editor): ").strip()
            path = Path(typed) if typed else None
        if path is None and parent is None:
            raise RewardSynthError("there is no reward to start from", "name a file of yours")
        if path is not None:
            source = read_reward_file(path)
        else:
            assert parent is not None
            source = parse_reward(self._edit(Path(parent.reward).read_text(encoding="utf-8"), ".py"), "the edited text")
        return {"edited": source, "edited_from": parent.id if parent else None}


def request_text(request: FeedbackRequest) -> list[str]:
    """The request as lines for a terminal: the analyzer's reading, then the candidates with results and paths."""
    lines = ["", f"Iteration {request.iteration}: {request.question}"]
    if analysis := request.analysis.strip():
        lines += ["", *(f"  {printable(line)}" for line in analysis.splitlines())]
    if request.answer:
        run = RunStore(Path(request.answer).parents[1]).argument
        lines += ["", f"  Films and a workbench, where you may answer too: reward-synth view {run}"]
    lines.append("")
    for number, candidate in enumerate(request.candidates, start=1):
        figures = result_text(candidate.success, candidate.fitness)
        unit = f" {request.fitness_unit}" if request.fitness_unit and candidate.fitness is not None else ""
        lines.append(f"  {number}  {candidate.id}  {candidate.status}: {figures}{unit}")
        if candidate.reason:
            lines.append(f"       {printable(candidate.reason)}")
        lines.append(f"       {candidate.reward}")
        if candidate.film:
            lines.append(f"       {candidate.film}" + ("" if Path(candidate.film).exists() else "  (is being made)"))
    return [*lines, ""]


def request_about(
    store: RunStore,
    iteration: int,
    question: str,
    fitness_unit: str = "",
    wanted_films: Collection[str] = (),
) -> FeedbackRequest:
    """A question about an iteration: its candidates with results and paths, and the analyzer's reading.

    :param wanted_films: candidates of whom films are being made.
    """
    return FeedbackRequest(
        iteration=iteration,
        goal=store.info.goal,
        question=question,
        fitness_unit=fitness_unit,
        analysis=store.read_iterations().get(iteration, ""),
        # Somebody who answers a second time is not waiting for the first answer.
        answer="" if store.answer_path(iteration).exists() else str(store.answer_path(iteration)),
        candidates=tuple(
            _shown(store, each, each.id in wanted_films) for each in store.candidates() if each.iteration == iteration
        ),
    )


def _shown(store: RunStore, candidate: Candidate, is_filmed: bool) -> FeedbackCandidate:
    film = store.film_path(candidate.id, "median")
    return FeedbackCandidate(
        id=candidate.id,
        status=candidate.status,
        reason=candidate.reason,
        success=candidate.success,
        fitness=candidate.fitness,
        reward=str(store.reward_path(candidate.id)),
        folder=str(store.candidate_dir(candidate.id)),
        film=str(film) if is_filmed or film.exists() else "",
    )


def latest_request(store: RunStore) -> FeedbackRequest:
    """The oldest open question; if there is none, one about the latest iteration, so that advice has a place.

    :raises RewardSynthError: nothing has been designed yet.
    """
    for iteration in store.open_requests():
        request = store.read_request(iteration)
        if request is not None:
            return request
    candidates = store.candidates()
    if not candidates:
        raise RewardSynthError(f"{store.id} has no candidates yet", "wait for the first: reward-synth logs -f")
    iteration = max(candidate.iteration for candidate in candidates)
    return request_about(store, iteration, "Nothing was asked, but your advice enters the next prompt.")


def require_trained(store: RunStore, candidate: str) -> None:
    """Refuse to accept a reward that was not trained.

    :raises RewardSynthError: the candidate was not trained.
    """
    status = store.candidate(candidate).status
    if status != "trained":
        raise RewardSynthError(
            f"{candidate} was {status} and not trained, so it cannot be accepted",
            f"name another one: reward-synth feedback {store.argument} --prefer CANDIDATE --accept",
        )


def require_known(store: RunStore) -> None:
    """Refuse answers about candidates and episodes that there are not: nothing would be compared with them.

    Those that were lost since are no mistake of the person, and are left out.

    :raises RewardSynthError: an answer that was written by hand names one.
    """
    for answer in store.answers():
        candidates = [name for name in (answer.prefer, answer.edited_from) if name]
        episodes = [name for name in answer.episodes if not store.was_lost(name.rpartition("/")[0])]
        try:
            for name in candidates:
                if not store.was_lost(name):
                    store.candidate(name)
            for name in episodes:
                store.episode_path(name)
        except RewardSynthError as error:
            files = f"{store.feedback_dir}/{answer.iteration:03d}.*.json"
            raise RewardSynthError(
                f"the answer about iteration {answer.iteration} cannot be followed: {error.message}",
                f"{error.hint}; mend {files} and go on: reward-synth resume {store.argument}",
            ) from error


def answer_from_options(
    store: RunStore,
    *,
    prefer: str | None = None,
    note: str = "",
    reject: bool = False,
    edit: Path | None = None,
    accept: bool = False,
    order: str = "",
) -> Feedback:
    """The answer given by the options of ``reward-synth feedback``.

    :param order: see :func:`parse_order`.
    :raises RewardSynthError: the candidate does not exist, the edited file is not Python, or options contradict.
    """
    if reject and (prefer or accept):
        raise RewardSynthError(
            "--reject says that none is right, --prefer and --accept that one is", "drop one of them"
        )
    if prefer is not None:
        store.candidate(prefer)
    if accept and prefer is None and store.info.best is None:
        raise RewardSynthError("no candidate has been trained yet, so there is none to accept", "name one: --prefer")
    if accept and prefer is not None:
        require_trained(store, prefer)
    edited = read_reward_file(edit) if edit else None
    parent = (_candidate_of(store, edit) or prefer or store.info.best) if edit else None
    return Feedback(
        iteration=latest_request(store).iteration,
        prefer=prefer,
        note="\n".join(filter(None, (REJECTION if reject else "", note))),
        edited=edited,
        edited_from=parent,
        order=parse_order(store, order) if order else None,
        action="accept" if accept else "continue",
    )


def parse_order(store: RunStore, text: str) -> tuple[tuple[str, ...], ...]:
    """Ranks of episodes from ``002-a > 001-c, 001-b``: best first, ``,`` between what is as good as each other.

    A candidate stands for all its recorded evaluation episodes. Ids of episodes may be given as well.

    :raises RewardSynthError: something in it is neither, or stands in two places.
    """
    if not text.strip():
        return ()
    listed = listed_episodes(store)
    ranks: list[tuple[str, ...]] = []
    for part in text.split(">"):
        names = [name.strip() for name in part.split(",")]
        for name in names:
            if name not in listed:
                store.episode_path(name)
        ranks.append(tuple(each for name in names for each in ([e.id for e in listed.get(name, ())] or [name])))
    placed = Counter(each for rank in ranks for each in rank)
    twice = [each for each, times in placed.items() if times > 1]
    if twice:
        raise RewardSynthError(f"the order has {twice[0]} in two places", "name each candidate and episode once")
    return tuple(ranks)


def read_reward_file(path: Path) -> str:
    """The file's text; RewardSynthError if it cannot be read or is not Python with a ``compute_reward``."""
    try:
        source = path.expanduser().read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RewardSynthError(f"cannot read {path}: {reason}", "give the path of a reward file") from error
    return parse_reward(source, str(path))


def parse_reward(source: str, name: str) -> str:
    """Return the source if it parses and defines ``compute_reward``; otherwise raise RewardSynthError."""
    try:
        tree = parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = getattr(error, "lineno", None)
        where = f", line {line}" if line else ""
        raise RewardSynthError(
            f"{name}{where} is not valid Python: {getattr(error, 'msg', error)}", "mend that line and try again"
        ) from error
    if not any(isinstance(node, ast.FunctionDef) and node.name == "compute_reward" for node in tree.body):
        raise RewardSynthError(
            f"{name} defines no function compute_reward",
            "start from a candidate's reward.py",
        )
    return source


def open_in_editor(text: str, suffix: str) -> str:
    """The text that the person saves in ``$VISUAL`` or ``$EDITOR``, starting from ``text``."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR")
    if not command:
        raise RewardSynthError("no editor is set", "export EDITOR=nano, or name a file instead")
    with tempfile.TemporaryDirectory(prefix="reward-synth-") as folder:
        path = Path(folder) / f"feedback{suffix}"
        path.write_text(text, encoding="utf-8")
        try:
            subprocess.run([*shlex.split(command), str(path)], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise RewardSynthError(f"the editor '{command}' failed: {error}", "name a file instead") from error
        return path.read_text(encoding="utf-8")


def _choose(key: str, candidates: Sequence[FeedbackCandidate]) -> FeedbackCandidate | None:
    if key.isdigit() and 1 <= int(key) <= len(candidates):
        return candidates[int(key) - 1]
    return next((candidate for candidate in candidates if candidate.id == key), None)


def _candidate_of(store: RunStore, path: Path | None) -> str | None:
    """The candidate whose folder contains the file, if there is one."""
    if path is None:
        return None
    folders = {store.candidate_dir(name).resolve(): name for name in store.candidate_ids()}
    return folders.get(path.resolve().parent)

"""Small processes, each of which runs only a reward, or only a task's success and fitness."""

from __future__ import annotations

import math
import os
import time
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import ArrayLike

from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import EpisodeScore, Finding
from reward_synth.core.waiting import Deadline
from reward_synth.reward import frames
from reward_synth.reward.contract import RewardError
from reward_synth.reward.hints import fix_for
from reward_synth.reward.probe_rules import PROBE
from reward_synth.sandbox.channel import MEMORY_BYTES, Answer, Channel, ChildDied, setup_frame
from reward_synth.state.view import Layout, width

REPLAY_SECONDS = 2.0
"""Time for finding the transition on which a process died."""
CALL_SECONDS = 5.0
"""Deadline of one batch. A batch takes well under a millisecond; the rest is for busy machines."""


class RewardBatch(NamedTuple):
    """The rewards of a batch of N transitions."""

    rewards: FloatArray
    """(N,), the sum of the terms."""
    terms: FloatArray
    """(N, K), in the order of ``RewardProcess.terms``."""


class _CodeProcess:
    """What both kinds of process share: starting, ending, and turning errors into findings.

    Any exchange may raise :class:`~reward_synth.core.errors.MachineFault`: somebody else ended the process.
    """

    def __init__(
        self,
        sources: dict[str, str],
        setup: dict[str, Any],
        deadline: float | Deadline = CALL_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        channel: Channel | None = None,
    ) -> None:
        self._sources = sources
        self.deadline = deadline
        self._channel = channel or Channel(memory_bytes)
        try:
            self._exchange(setup_frame({**setup, **sources}), "loading")
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Process id of the child."""
        return self._channel.pid

    @property
    def cpu_seconds(self) -> float:
        """Processor time of the child so far, exact to 0.01 s; on systems without /proc, the time of the clock."""
        try:
            fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        except OSError:
            return time.perf_counter()
        # The twelfth and thirteenth field after the name are the time in user mode and in system mode.
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """End the process. May be called more than once."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _exchange(self, frame: bytes, doing: str = "running", rows: int = 0) -> Answer:
        try:
            answer = self._channel.ask(frame, self.deadline, doing)
        except ChildDied as death:
            if death.from_outside:
                raise death.as_fault("a reward" if "source" in self._sources else "success and fitness") from death
            fix = "remove loops that may not end and computations that grow with their input"
            raise RewardError(PROBE[death.rule].finding(death.message, fix)) from death
        if answer.status != "ok":
            raise RewardError(self._finding(answer), _row_of(answer, rows))
        return answer

    def _finding(self, answer: Answer) -> Finding:
        # Generated code wrote this text. On one line, no part of it can look like somebody else's message.
        message = " ".join(answer.text.split())
        text = self._line_text(answer.line)
        if text:
            message = f"{message}, in `{text}`"
        fix = fix_for(answer.text) if answer.status == "exception" else None
        return PROBE[answer.status].finding(message, fix, answer.line)

    def _line_text(self, line: int | None) -> str:
        if line is None or len(self._sources) > 1:
            return ""
        lines = next(iter(self._sources.values())).splitlines()
        return lines[line - 1].strip()[:200] if line <= len(lines) else ""


class RewardProcess(_CodeProcess):
    """A process that runs one reward. Use it as a context manager.

    Row ``i`` of every batch is environment ``i``: the reward's ``memory``, if it takes one, is kept per row.
    The process ends with the thread that started it, so keep that thread alive.

    :param source: text of the reward file.
    :param layout: fields of the rows, usually only those that the lint found in the code.
    :param action_size: elements of an action.
    :param terms: names of the terms, which are then fixed; None: names are collected as they appear.
    :param deadline: seconds for one batch, and for loading the source; or one deadline of all that follows.
    :param memory_bytes: address space that the process may take.
    :param channel: a locked process that was started ahead and has been asked nothing; None starts one.
    :raises RewardError: if the source cannot be loaded.
    :raises RewardSynthError: if the process cannot be started.
    """

    def __init__(
        self,
        source: str,
        layout: Layout,
        action_size: int,
        terms: tuple[str, ...] | None = None,
        deadline: float | Deadline = CALL_SECONDS,
        memory_bytes: int = MEMORY_BYTES,
        channel: Channel | None = None,
    ) -> None:
        self.layout = layout
        self._width = width(layout)
        self._action_size = action_size
        self._fixed = terms is not None
        self.terms = terms or ()
        """Names of the terms. If none were given, every batch may add some."""
        # Starts an equal process, to find out later on which transition this one died.
        self._again = partial(RewardProcess, source, layout, action_size, terms, REPLAY_SECONDS, memory_bytes)
        super().__init__(
            {"source": source}, {"mode": "reward", "layout": layout, "terms": terms}, deadline, memory_bytes, channel
        )

    def evaluate(self, states: ArrayLike, actions: ArrayLike, next_states: ArrayLike, starts: ArrayLike) -> RewardBatch:
        """Rewards of N transitions.

        :param states: (N, W), before the step.
        :param actions: (N, A).
        :param next_states: (N, W), after the step.
        :param starts: (N,) bool, True where the transition is the first of its episode.
        :raises RewardError: if the code raises, hangs, dies, returns something else than terms, or a term is
            NaN or infinite. After a hang or a death the process has ended; after other errors it can be used again.
        :raises ValueError: for wrong shapes of the arguments.
        """
        before = np.ascontiguousarray(states, dtype=np.float64)
        action = np.ascontiguousarray(actions, dtype=np.float64)
        after = np.ascontiguousarray(next_states, dtype=np.float64)
        first = np.ascontiguousarray(starts, dtype=np.bool_)
        count = len(before)
        shapes = (before.shape, action.shape, after.shape, first.shape)
        expected = ((count, self._width), (count, self._action_size), (count, self._width), (count,))
        if shapes != expected:
            raise ValueError(f"a batch of shapes {shapes} was given, {expected} is expected")
        head = frames.REQUEST.pack(frames.BATCH, count, self._action_size, 0)
        frame = b"".join((head, before.tobytes(), action.tobytes(), after.tobytes(), first.tobytes()))
        try:
            answer = self._exchange(frame, rows=count)
        except RewardError as error:
            if error.finding.rule not in ("deadline", "died"):
                raise
            raise RewardError(error.finding, self._culprit(before, action, after)) from error
        if not self._fixed:
            self._learn(answer.text)
        if len(answer.values) != count * len(self.terms):
            raise RewardError(PROBE["died"].finding("it sent a wrong number of values"))
        terms = answer.values.reshape(count, len(self.terms))
        # `dot` is used because, right after a process switch, `sum`, `errstate` and `isfinite` take 10 µs more.
        rewards = terms.dot(np.ones(terms.shape[1]))
        if not (math.isfinite(rewards.dot(rewards)) or np.isfinite(rewards).all()):
            self._refuse(terms)
        return RewardBatch(rewards, terms)

    def _culprit(self, states: FloatArray, actions: FloatArray, next_states: FloatArray) -> int | None:
        """The transition of a batch on which a process hangs or dies, found by running each alone in a new process."""
        if len(states) == 1:
            return 0
        total, start = Deadline(REPLAY_SECONDS), np.ones(1, dtype=bool)
        try:
            with self._again() as process:
                for row in range(len(states)):
                    if not total.wait():
                        return None
                    one, process.deadline = slice(row, row + 1), Deadline(REPLAY_SECONDS, total)
                    try:
                        process.evaluate(states[one], actions[one], next_states[one], start)
                    except RewardError:
                        return row
        except (RewardError, RewardSynthError):
            pass  # This time it fails in another way, or no process can be started, as in a locked training.
        return None

    def _learn(self, text: str) -> None:
        names = tuple(text.split("\n")) if text else ()
        valid = all(name.isidentifier() and name.isascii() for name in names)
        if not valid or len(names) > frames.MAXIMUM_TERMS or len(set(names)) != len(names):
            raise RewardError(PROBE["died"].finding("it sent impossible term names"))
        self.terms = names

    def _refuse(self, terms: FloatArray) -> None:
        bad = np.argwhere(~np.isfinite(terms))
        row = None
        if len(bad) == 0:
            message = "the sum of the terms is too large for a float"
        else:
            row, column = bad[0].tolist()
            share = f" (in {len({int(r) for r, _ in bad})} of {len(terms)} transitions)" if len(terms) > 1 else ""
            message = f"term `{self.terms[column]}` is {terms[row, column]}{share}"
        raise RewardError(PROBE["not-finite"].finding(message), row)


def _row_of(answer: Answer, rows: int) -> int | None:
    """The row that an error's answer names, if there is such a row."""
    row = answer.values[0] if len(answer.values) == 1 else -1.0
    return int(row) if 0.0 <= row < rows else None


class ScoringProcess(_CodeProcess):
    """A process that judges episodes with a task's success and fitness. Use it as a context manager.

    :param success_source: an expression over ``episode``, or a module with ``def success(episode)``. It gives
        a bool for the whole episode, or a bool array with one element per row or per step.
    :param fitness_source: likewise with ``def fitness(episode)``; it gives a number, higher is better.
    :param layout: fields of the rows.
    :raises RewardError: if a source cannot be loaded.
    :raises RewardSynthError: if the process cannot be started.
    """

    def __init__(self, success_source: str, fitness_source: str, layout: Layout) -> None:
        self._width = width(layout)
        sources = {"success": success_source, "fitness": fitness_source}
        super().__init__(sources, {"mode": "measure", "layout": layout})

    def score(self, rows: ArrayLike, actions: ArrayLike, dt: float, horizon: int, terminated: bool) -> EpisodeScore:
        """Judge one episode of T steps.

        :param rows: (T+1, W), the state before the first step and after each.
        :param actions: (T, A).
        :param dt: simulated seconds per step.
        :raises RewardError: if the code raises, hangs, dies, or gives no verdict or no number.
        :raises ValueError: for wrong shapes of the arguments.
        """
        history = np.ascontiguousarray(rows, dtype=np.float64)
        action = np.ascontiguousarray(actions, dtype=np.float64)
        length = len(action)
        if history.shape != (length + 1, self._width) or action.ndim != 2:
            raise ValueError(
                f"rows {history.shape} and actions {action.shape} were given, ({length + 1}, {self._width}) "
                f"and ({length}, A) are expected"
            )
        head = frames.REQUEST.pack(frames.EPISODE, length + 1, action.shape[1], 0)
        constants = frames.EPISODE_HEAD.pack(dt, horizon, terminated)
        frame = head + constants + history.tobytes() + action.tobytes()
        answer = self._exchange(frame, "judging")
        if len(answer.values) != 3 or not set(answer.values[:2]) <= {0.0, 1.0}:
            raise RewardError(PROBE["died"].finding("it sent a verdict that is none"))
        success, success_any, fitness = answer.values.tolist()
        if not np.isfinite(fitness):
            raise RewardError(PROBE["not-finite"].finding(f"fitness is {fitness}", fix=""))
        return EpisodeScore(
            success=bool(success),
            success_any=bool(success_any),
            fitness=fitness,
            length=length,
            terminated=terminated,
        )

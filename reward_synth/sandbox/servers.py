"""What answers the frames in the reward process: with a reward's terms, or with a task's verdict on an episode.

The locked reward process imports this module, so it may import numpy and the standard library only.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable
from typing import Any

import numpy as np

from reward_synth.reward import frames, namespace
from reward_synth.reward.vector.checked import LEAST_ROWS, CheckedForm
from reward_synth.state import view


def describe(error: BaseException) -> tuple[str, int, str]:
    """Status, line in the generated source (0 if none) and text of an error that the source caused."""
    line = 0
    if isinstance(error, SyntaxError):
        line = error.lineno or 0
    trace = error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == namespace.FILE_NAME:
            line = trace.tb_lineno
        trace = trace.tb_next
    if type(error) is namespace.ContractBreach:
        return error.args[0], line, error.args[1]
    if isinstance(error, MemoryError):
        return "memory", line, f"{type(error).__name__}: {error}"
    if isinstance(error, PermissionError):
        return "forbidden", line, f"{type(error).__name__}: {error}"
    return "exception", line, f"{type(error).__name__}: {error}"


class Terms:
    """Fixed names of the reward terms, or those seen so far while they are being discovered."""

    def __init__(self, names: tuple[str, ...] | None) -> None:
        self.fixed = names is not None
        self.names = names or ()

    def add(self, name: object) -> None:
        """Add a term name that is not among the names yet.

        :raises ContractBreach: the names are fixed, the name cannot be used, or there are too many.
        """
        breach = namespace.ContractBreach
        if not isinstance(name, str) or not (
            name.isidentifier() and name.isascii() and len(name) <= frames.MAXIMUM_NAME
        ):
            raise breach("term-name", f"term name {str(name)[: frames.MAXIMUM_NAME]!r} is not a plain identifier")
        if self.fixed:
            known = ", ".join(f"`{term}`" for term in self.names)
            raise breach("new-term", f"term `{name}` was not returned before (known: {known})")
        if len(self.names) == frames.MAXIMUM_TERMS:
            raise breach("too-many-terms", f"more than {frames.MAXIMUM_TERMS} terms; `{name}` is one too many")
        self.names = (*self.names, name)

    def values(self, result: dict[Any, Any]) -> list[float]:
        """The result's numbers in the order of the names, 0.0 for a term that it lacks."""
        for name in result:
            if name not in self.names:
                self.add(name)
        return [namespace.as_number(result[name], "term", name) if name in result else 0.0 for name in self.names]


class RewardServer:
    """Answers batches of transitions."""

    def __init__(self, setup: dict[str, Any]) -> None:
        layout = tuple((name, tuple(shape)) for name, shape in setup["layout"])
        self.width = view.width(layout)
        self.terms = Terms(None if setup["terms"] is None else tuple(setup["terms"]))
        self.views: Callable[[Any], list[Any]] = view.batch_viewer(layout)
        self.function, self.uses_memory = namespace.compile_reward(setup["source"])
        self.memories: list[dict[Any, Any]] = []
        self.source, self.layout = setup["source"], layout
        self.at_once: CheckedForm | None = None
        self.fault: int | None = None
        """The row of this batch that caused an error, if there was one."""

    def size(self, rows: int, action_size: int) -> int:
        """Bytes of the payload: states, actions, next states as float64, then a byte per row, 1 for a first step."""
        return rows * (8 * (2 * int(self.width) + action_size) + 1)

    def answer(self, frame: bytes, rows: int, action_size: int) -> tuple[str, array[float]]:
        """Term names (only while they are being discovered) and values (rows x terms)."""
        self.fault = None
        offset, states_size, actions_size = frames.REQUEST.size, rows * self.width, rows * action_size
        # The arrays share memory with an immutable bytes object: code cannot write to them, and an array that it
        # keeps in its `memory` never changes.
        states = np.frombuffer(frame, np.float64, states_size, offset).reshape(rows, self.width)
        offset += 8 * states_size
        action = np.frombuffer(frame, np.float64, actions_size, offset).reshape(rows, action_size)
        offset += 8 * actions_size
        next_states = np.frombuffer(frame, np.float64, states_size, offset).reshape(rows, self.width)
        offset += 8 * states_size
        if self.terms.fixed and not self.uses_memory and rows >= LEAST_ROWS:
            table = self.form(action_size).terms(states, action, next_states)
            return "", array("d", table.tobytes())
        results = self.call(self.views(states), list(action), self.views(next_states), frame[offset:])
        return self.collect(results)

    def form(self, action_size: int) -> CheckedForm:
        """The reward in its whole-batch form. It is made at the first batch, when the size of an action is known."""
        if self.at_once is None:
            self.at_once = CheckedForm(self.source, self.layout, action_size, self.terms.names, self.one_by_one)
        return self.at_once

    def one_by_one(self, states: Any, actions: Any, next_states: Any) -> Any:
        """Terms (rows, K) of the function called for each row."""
        _, values = self.collect(self.call(self.views(states), list(actions), self.views(next_states), b""))
        return np.frombuffer(values).reshape(len(states), -1)

    def call(self, states: list[Any], actions: list[Any], next_states: list[Any], starts: bytes) -> list[Any]:
        """What the function returns for each row."""
        arguments = [states, actions, next_states]
        if self.uses_memory:
            while len(self.memories) < len(states):
                self.memories.append({})
            for row, start in enumerate(starts):
                if start:
                    self.memories[row] = {}
            arguments.append(self.memories)
        results: list[Any] = []
        try:
            results.extend(map(self.function, *arguments))
        except BaseException:
            self.fault = len(results)
            raise
        return results

    def collect(self, results: list[Any]) -> tuple[str, array[float]]:
        """The returned dictionaries as one table of numbers."""
        values = array("d")
        append, as_number = values.append, namespace.as_number
        names = list(self.terms.names) if self.terms.fixed else []
        table: list[list[float]] = []
        for self.fault, result in enumerate(results):
            if type(result) is not dict:
                kind = type(result).__name__
                raise namespace.ContractBreach("wrong-return", f"`compute_reward` returned {kind}, not a dict")
            if names and list(result) == names:
                for name, value in result.items():
                    append(value if type(value) is float else as_number(value, "term", name))
            elif self.terms.fixed:
                values.extend(self.terms.values(result))
            else:
                table.append(self.terms.values(result))
        if self.terms.fixed:
            return "", values
        for numbers in table:
            # Rows before the first appearance of a term lack it.
            values.extend(numbers + [0.0] * (len(self.terms.names) - len(numbers)))
        return "\n".join(self.terms.names), values


class ScoringServer:
    """Judges whole episodes with the task's success and fitness."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self.layout = tuple((name, tuple(shape)) for name, shape in setup["layout"])
        self.width = view.width(self.layout)
        self.success = namespace.compile_measure(setup["success"], "success")
        self.fitness = namespace.compile_measure(setup["fitness"], "fitness")
        self.fault: int | None = None

    def size(self, rows: int, action_size: int) -> int:
        """Bytes of the payload: the episode's constants, rows, actions."""
        return int(frames.EPISODE_HEAD.size) + 8 * (rows * int(self.width) + (rows - 1) * action_size)

    def answer(self, frame: bytes, rows: int, action_size: int) -> tuple[str, array[float]]:
        """Success at the end, at any step, and fitness."""
        dt, horizon, terminated = frames.EPISODE_HEAD.unpack_from(frame, frames.REQUEST.size)
        offset = frames.REQUEST.size + frames.EPISODE_HEAD.size
        states = np.frombuffer(frame, np.float64, rows * self.width, offset).reshape(rows, self.width)
        offset += 8 * rows * self.width
        action = np.frombuffer(frame, np.float64, (rows - 1) * action_size, offset)
        action = action.reshape(rows - 1, action_size)
        episode = view.episode_view(self.layout, states, action, dt, horizon, bool(terminated))
        end, at_any = self.succeeded(self.success(episode), rows - 1)
        fitness = namespace.as_number(self.fitness(episode), "fitness")
        return "", array("d", (end, at_any, fitness))

    def succeeded(self, value: Any, steps: int) -> tuple[float, float]:
        """Success at the end and at any step, from a bool or a bool per step.

        The state before the first step does not count, because no action led to it.
        """
        if isinstance(value, (bool, np.bool_)):
            return float(value), float(value)
        if isinstance(value, np.ndarray) and value.dtype == np.bool_:
            if value.shape == ():
                return float(value), float(value)
            if value.shape == (steps + 1,):
                value = value[1:] if steps else value
            if value.shape == (max(steps, 1),):
                return float(value[-1]), float(value.any())
            raise namespace.ContractBreach(
                "wrong-shape", f"success is an array of shape {value.shape}, not ({steps + 1},) or one bool"
            )
        kind = value.dtype if isinstance(value, np.ndarray) else type(value).__name__
        raise namespace.ContractBreach("wrong-type", f"success is of type `{kind}`, not True or False")

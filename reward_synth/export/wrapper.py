"""Wraps an environment so that your own training code can use a generated reward."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import gymnasium

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.names import ScaleName
from reward_synth.export.terms_wrapper import TermsWrapper
from reward_synth.reward.contract import RewardError, load_reward
from reward_synth.reward.lint import lint
from reward_synth.reward.source import read_source
from reward_synth.state.expressions import reads_info
from reward_synth.state.spaces import flatten
from reward_synth.state.view import viewer


class RewardWrapper(TermsWrapper):
    """Replaces an environment's reward by a generated one; the terms are in ``info["reward_terms"]``.

    The reward runs in this process, with all your rights, so read it first. The lint finds mistakes but gives no
    protection.

    :param env: a single (not vectorised) environment of the simulator. Its observations stay as they are.
    :param reward: path of a reward file, or its text.
    :param simulator: the simulator that the environment belongs to.
    :param fields: a task's own fields (``load_task(FILE).environment.fields``), if the reward reads some.
    :param scale: how the terms become the reward: ``sum`` or ``sign``. None takes the scale named in the file (a run's
        ``best_reward.py`` has one), or else ``sum``.
    :raises RewardSynthError: if the lint finds an error, or the simulator does not know the environment.
    """

    def __init__(
        self,
        env: gymnasium.Env[Any, Any],
        reward: str | Path,
        simulator: str = "gym",
        fields: Mapping[str, Any] | None = None,
        scale: ScaleName | None = None,
    ) -> None:
        from reward_synth.simulators import get_simulator
        from reward_synth.state.custom_fields import with_own_fields

        source = read_source(reward)
        table = with_own_fields(get_simulator(simulator).fields(env), fields or {}, env).for_rewards()
        report = lint(source, table.layout())
        errors = [finding.as_text() for finding in report.findings if finding.severity == "error"]
        if errors:
            raise RewardSynthError("the reward has errors:\n" + "\n".join(errors), "mend the reward file")
        try:
            loaded = load_reward(source, scale)
        except RewardError as error:
            raise RewardSynthError(f"the reward cannot be loaded: {error}", "mend the reward file") from error
        columns = table.subset(report.fields)
        if told := [field.name for field in columns if reads_info(field.code)]:
            message = f"a wrapper cannot read these fields, which the environment tells in `info`: {', '.join(told)}"
            raise RewardSynthError(message, "let the environment give them in its observation")
        read, view = columns.reader(env), viewer(columns.layout())

        def state(seen: Any) -> Any:
            return view(read() if seen is None else read(flatten(env.observation_space, seen)))

        super().__init__(env, loaded, loaded.takes_memory, state, loaded.total)

"""DeepMind's control suite: five planar bodies, ten tasks. Needs the extra ``dmcontrol``."""

from __future__ import annotations

from typing import Any

from reward_synth.simulators.dmcontrol.tasks import DOMAINS, TASKS
from reward_synth.simulators.extra import ExtraSimulator
from reward_synth.simulators.gym.annotations import mark_essential
from reward_synth.simulators.gym.mujoco_actions import action_dimensions
from reward_synth.simulators.gym.mujoco_fields import generic_fields
from reward_synth.simulators.gym.mujoco_names import ModelNames
from reward_synth.simulators.versions import Verified
from reward_synth.state.fields import Field
from reward_synth.state.table import FieldTable


class ControlSuite(ExtraSimulator):
    """The simulator ``dmcontrol``: environments like ``dmc-walker-walk``, with a new start in every episode."""

    name, trial = "dmcontrol", "dmc-cartpole-swingup"
    exports = "with_package"
    title, module, verified = "dm_control", "dm_control", Verified("dm_control", ("1.0.28",))
    mujoco = "3.3.0"
    tasks, arguments, default_horizon = TASKS, ("render_mode",), 1000

    def robot(self, env_id: str) -> str:
        """The domain: ``dmc-walker``."""
        return env_id.rpartition("-")[0]

    def build(self, env_id: str, arguments: dict[str, Any]) -> Any:
        """The environment without a time limit."""
        from reward_synth.simulators.dmcontrol.env import SuiteEnv

        return SuiteEnv(*env_id.split("-")[1:], **arguments)

    def table(self, base: Any) -> FieldTable:
        """Key fields, those of the compiled model, and the suite's reward, which only judges may read."""
        domain = DOMAINS[base.domain]
        names = ModelNames(base.model, domain.joints)
        # Upstream's step ends before forces are computed, so contact forces would not match the state.
        fields = [each for each in generic_fields(names, domain.key_fields(base.model)) if "cfrc_ext" not in each.code]
        doc = "The suite's own reward of this step; 0 at the start of an episode."
        reward = Field("suite_reward", (), "1", 0.0, 1.0, doc, lambda env: env.suite_reward(), judge_only=True)
        actions = action_dimensions(names, base.action_space)
        return FieldTable([*mark_essential(fields, domain.essential), reward], actions)

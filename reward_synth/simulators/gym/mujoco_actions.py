"""The action vector of a MuJoCo model in words: what each element drives, how strongly, and in which direction."""

from __future__ import annotations

from typing import Any

import numpy as np

from reward_synth.core.errors import RewardSynthError
from reward_synth.simulators.gym.mujoco_names import ModelNames
from reward_synth.state.fields import ActionDimension


def action_dimensions(names: ModelNames, space: Any) -> list[ActionDimension]:
    """What each element of the action does, with the bounds of the environment's action space.

    An environment may scale or combine its actions before they become controls. If the space has another size or
    other bounds than the actuators, no unit is given.

    :param space: the environment's action space, a one-dimensional Box.
    :raises RewardSynthError: for any other kind of action space.
    """
    model = names.model
    shape = getattr(space, "shape", None)
    if shape is None or len(shape) != 1 or not hasattr(space, "low"):
        raise RewardSynthError(f"the action space must be a one-dimensional Box, not {space}")
    bounds = [(float(low), float(high)) for low, high in zip(space.low, space.high, strict=True)]
    if shape != (model.nu,):
        doc = "Element {} of the action; the environment turns it into controls."
        return [ActionDimension(i, f"action_{i}", "1", *bounds[i], doc.format(i)) for i in range(len(bounds))]
    direct = np.allclose(model.actuator_ctrlrange, bounds) or not model.actuator_ctrllimited.any()
    actions = []
    for index, (name, (low, high)) in enumerate(zip(names.actuator_names(), bounds, strict=True)):
        unit, doc = _actuator_meaning(names, index) if direct else ("1", f"Drives actuator {name}.")
        actions.append(ActionDimension(index, name, unit, low, high, doc))
    return actions


def _actuator_meaning(names: ModelNames, actuator: int) -> tuple[str, str]:
    """What a control of 1.0 amounts to, with its unit, and what the positive direction is."""
    import mujoco

    model, joint = names.model, names.driven_joint(actuator)
    fixed = model.actuator_gaintype[actuator] == int(mujoco.mjtGain.mjGAIN_FIXED)
    affine = model.actuator_biastype[actuator] == int(mujoco.mjtBias.mjBIAS_AFFINE)
    if (
        joint is None
        or not fixed
        or model.jnt_type[joint]
        not in (
            int(mujoco.mjtJoint.mjJNT_HINGE),
            int(mujoco.mjtJoint.mjJNT_SLIDE),
        )
    ):
        return "1", f"Control signal of actuator {names.actuator_name(actuator)}."
    hinge = model.jnt_type[joint] == int(mujoco.mjtJoint.mjJNT_HINGE)
    target = f"{names.joint_name(joint)}_{'angle' if hinge else 'position'}"
    gear = float(model.actuator_gear[actuator, 0])
    scale = f"{1 / gear:g} " if gear not in (0.0, 1.0) else ""
    if affine and model.actuator_biasprm[actuator, 1] != 0:
        return f"{scale}{'rad' if hinge else 'm'}", f"Target of {target}, held by a spring."
    if affine and model.actuator_biasprm[actuator, 2] != 0:
        return f"{scale}{'rad/s' if hinge else 'm/s'}", f"Target of the rate of {target}."
    strength = gear * float(model.actuator_gainprm[actuator, 0])
    what, unit = ("Torque", "N·m") if hinge else ("Force", "N")
    direction = "increases" if strength > 0 else "decreases"
    return f"{abs(strength):g} {unit}", f"{what} on joint {names.joint_name(joint)}; + {direction} {target}."

"""The suite's tasks in words, and the key fields of their bodies. Needs nothing installed."""

from __future__ import annotations

from reward_synth.simulators.extra import KnownEnvironment
from reward_synth.simulators.gym.annotations import planar_root, scalar, vector
from reward_synth.simulators.gym.mujoco_names import ModelNames
from reward_synth.state.fields import Field

_CARTPOLE = "Cart-pole", "the cart's position, cosine and sine of the pole's angle, and both velocities"
_CHEETAH = "Planar two-legged cheetah", "all joints but how far it is, and their velocities"
_HOPPER = "Planar one-legged hopper", "all joints but how far it is, their velocities, and what toe and heel touch"
_REACHER = "Planar arm with two links", "both joints, their velocities, and the way from the fingertip to the target"
_WALKER = "Planar two-legged walker", "the direction of each body, the torso's height, and all velocities"
TASKS = {
    f"dmc-{name}": KnownEnvironment(f"{body} of DeepMind's control suite: {goal}.", seen)
    for name, (body, seen), goal in (
        ("cartpole-balance", _CARTPOLE, "keep the pole upright"),
        ("cartpole-swingup", _CARTPOLE, "swing the hanging pole up and keep it upright"),
        ("cheetah-run", _CHEETAH, "run forward"),
        ("hopper-hop", _HOPPER, "hop forward"),
        ("hopper-stand", _HOPPER, "stand up"),
        ("reacher-easy", _REACHER, "bring the fingertip to the target, which is elsewhere in each episode"),
        ("reacher-hard", _REACHER, "bring the fingertip to a small target, which is elsewhere in each episode"),
        ("walker-run", _WALKER, "run forward"),
        ("walker-stand", _WALKER, "stand up"),
        ("walker-walk", _WALKER, "walk forward"),
    )
}

_LIMBS = {f"{end[0]}{part}": f"{end}_{part}" for end in ("back", "front") for part in ("thigh", "shin", "foot")}
JOINTS = {"slider": "cart", "hinge_1": "pole", **_LIMBS}
_POLE = ("cart_position", "cart_velocity", "pole_angle", "pole_angular_velocity")
ESSENTIAL = (*_POLE, "joint_angles", "joint_velocities")


def key_fields(domain: str, names: ModelNames) -> list[Field]:
    """Fields that a model's own names do not tell."""
    if domain == "reacher":
        tip, target = names.geom("finger"), names.geom("target")
        way = tuple(f"data.geom_xpos[{target}][{axis}] - data.geom_xpos[{tip}][{axis}]" for axis in (0, 1))
        near = f"Length of fingertip_to_target; they touch below {names.model.geom_size[[tip, target], 0].sum():.3g}."
        doc = "Way from the fingertip's centre to the target's: x, y."
        distance = scalar("fingertip_to_target_distance", "m", near, f"np.hypot({way[0]}, {way[1]})", low=0)
        return [vector("fingertip_to_target", "m", doc, way), distance]
    body, what = ("pole_1", "pole's angle") if domain == "cartpole" else ("torso", "torso's tilt")
    doc = f"Cosine of the {what}: 1 = upright, 0 = on its side, -1 = upside down."
    up = scalar("up_alignment", "1", doc, f"data.xmat[{names.body(body)}][8]", -1, 1)
    tall = "Height of the torso's centre above the ground."
    return [*([] if domain == "cartpole" else planar_root(names, "", tall, "upright")), up]

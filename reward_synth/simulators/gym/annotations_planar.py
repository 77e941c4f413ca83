"""Robots that move in a plane: names, signs and key fields, held against the simulator by the tests."""

from __future__ import annotations

from reward_synth.simulators.gym.annotations import Annotation, geom_height, planar_root, scalar, vector
from reward_synth.simulators.gym.mujoco_names import ModelNames
from reward_synth.state.fields import Field

PLANAR_ROOT = {"rootx": "root_x", "rootz": "root_z", "rooty": "root_pitch"}
PLANAR_ESSENTIAL = (
    "x_position", "x_velocity", "torso_height", "z_velocity", "torso_pitch", "torso_pitch_velocity",
)  # fmt: skip
# ── HalfCheetah ─────────────────────────────────────────────────────────────────────────────────────────

CHEETAH_LIMBS = {
    "bthigh": "back_thigh", "bshin": "back_shin", "bfoot": "back_foot",
    "fthigh": "front_thigh", "fshin": "front_shin", "ffoot": "front_foot",
}  # fmt: skip


def half_cheetah_fields(names: ModelNames) -> list[Field]:
    """Planar root and both feet."""
    return [
        *planar_root(names, "A steady run is 3 to 10."),
        geom_height(names, "back_foot_height", "bfoot", "Height of the back foot's centre above the ground."),
        geom_height(names, "front_foot_height", "ffoot", "Height of the front foot's centre above the ground."),
    ]


HALF_CHEETAH = Annotation(
    environment="HalfCheetahEnv",
    description="Two-legged planar cheetah; it can run forward or backward, and no fall ends an episode.",
    joints={**PLANAR_ROOT, **CHEETAH_LIMBS},
    bodies=CHEETAH_LIMBS,
    signs={name: "0 = as modelled, + = its lower end swings backward" for name in CHEETAH_LIMBS.values()},
    covered=frozenset(PLANAR_ROOT),
    fields=half_cheetah_fields,
    essential=(
        *PLANAR_ESSENTIAL,
        *(f"{limb}_angle" for limb in CHEETAH_LIMBS.values()),
        "back_foot_contact",
        "front_foot_contact",
    ),
)

# ── Hopper and Walker2d ─────────────────────────────────────────────────────────────────────────────────

LEG_SIGNS = {
    "thigh": "0 = in line with the torso, negative = swung backward",
    "leg": "knee: 0 = straight, negative = bent, the lower leg swung backward",
    "foot": "ankle: 0 = level, + = toes up, negative = toes down",
}


def hopper_fields(names: ModelNames) -> list[Field]:
    """Planar root and the foot."""
    doc = "Height of the foot's centre above the ground; about 0.06 when it stands flat."
    return [*planar_root(names, "A good hop is 1 to 3."), geom_height(names, "foot_height", "foot_geom", doc)]


HOPPER = Annotation(
    environment="HopperEnv",
    description="One-legged planar hopper; it can hop forward, backward or in place.",
    fall="A fall ends the episode: torso below 0.7 m or tilted by more than 0.2 rad.",
    joints={**PLANAR_ROOT, "thigh_joint": "thigh", "leg_joint": "leg", "foot_joint": "foot"},
    signs=LEG_SIGNS,
    covered=frozenset(PLANAR_ROOT),
    fields=hopper_fields,
    essential=(*PLANAR_ESSENTIAL, "thigh_angle", "leg_angle", "foot_angle", "foot_height", "foot_contact"),
)


def walker_fields(names: ModelNames) -> list[Field]:
    """Planar root and both feet."""
    doc = "Height of the centre of the {} foot above the ground; about 0.06 when it stands flat."
    return [
        *planar_root(names, "A walk is 1 to 2, a run 3 to 5."),
        geom_height(names, "right_foot_height", "foot_geom", doc.format("right")),
        geom_height(names, "left_foot_height", "foot_left_geom", doc.format("left")),
    ]


WALKER_LEGS = {
    "thigh": "right_thigh", "leg": "right_leg", "foot": "right_foot",
    "thigh_left": "left_thigh", "leg_left": "left_leg", "foot_left": "left_foot",
}  # fmt: skip

WALKER2D = Annotation(
    environment="Walker2dEnv",
    description="Two-legged planar walker; it can walk or run forward and backward.",
    fall="A fall ends the episode: torso outside 0.8 to 2.0 m or tilted by more than 1 rad.",
    joints={**PLANAR_ROOT, **{f"{model}_joint": name for model, name in WALKER_LEGS.items()}},
    bodies=WALKER_LEGS,
    signs={name: LEG_SIGNS[name.split("_")[1]] for name in WALKER_LEGS.values()},
    covered=frozenset(PLANAR_ROOT),
    fields=walker_fields,
    essential=(
        *PLANAR_ESSENTIAL, "right_thigh_angle", "right_leg_angle", "left_thigh_angle", "left_leg_angle",
        "right_foot_height", "left_foot_height", "right_foot_contact", "left_foot_contact",
    ),
)  # fmt: skip

# ── Swimmer ─────────────────────────────────────────────────────────────────────────────────────────────


def swimmer_fields(names: ModelNames) -> list[Field]:
    """Position in the plane and heading: exact at the step's end."""
    x, y, turn = "slider1", "slider2", "free_body_rot"
    return [
        scalar("x_position", "m", "Position along world x; + = forward.", names.position(x)),
        scalar("y_position", "m", "Position along world y; + = left.", names.position(y)),
        scalar("x_velocity", "m/s", "Velocity along world x; + = forward.", names.velocity(x)),
        scalar("y_velocity", "m/s", "Velocity along world y; + = left.", names.velocity(y)),
        scalar(
            "heading_angle", "rad",
            "Direction that the front link points to, from above: 0 = +x, + = turned left. Not wrapped.",
            names.position(turn),
        ),
        scalar("heading_velocity", "rad/s", "Rate of heading_angle; + = turning left.", names.velocity(turn)),
    ]  # fmt: skip


SWIMMER_ROOT = {"slider1": "root_x", "slider2": "root_y", "free_body_rot": "heading"}

SWIMMER = Annotation(
    environment="SwimmerEnv",
    description="Three-link swimmer in a viscous plane; it moves by bending its two joints. "
    "Nothing ends an episode early.",
    joints={**SWIMMER_ROOT, "motor1_rot": "front_joint", "motor2_rot": "back_joint"},
    bodies={"torso": "front_link", "mid": "middle_link", "back": "back_link"},
    signs={
        "front_joint": "0 = straight, + = the middle link turns counter-clockwise against the front link",
        "back_joint": "0 = straight, + = the back link turns counter-clockwise against the middle link",
    },
    covered=frozenset(SWIMMER_ROOT),
    fields=swimmer_fields,
    essential=(
        "x_position", "y_position", "x_velocity", "y_velocity", "heading_angle", "heading_velocity",
        "front_joint_angle", "front_joint_angular_velocity",
        "back_joint_angle", "back_joint_angular_velocity",
    ),
)  # fmt: skip

# ── Pendulums ───────────────────────────────────────────────────────────────────────────────────────────

POLE_SIGN = "0 = upright, + = leaning towards +x"


def no_fields(names: ModelNames) -> list[Field]:
    """The generated fields say it all."""
    return []


INVERTED_PENDULUM = Annotation(
    environment="InvertedPendulumEnv",
    description="Cart on a rail that balances a pole. The episode ends when the pole leans by more than 0.2 rad.",
    joints={"slider": "cart", "hinge": "pole"},
    signs={"cart": "0 = the middle of the rail, + = towards +x", "pole": POLE_SIGN},
    fields=no_fields,
    essential=("cart_position", "cart_velocity", "pole_angle", "pole_angular_velocity"),
)


def double_pendulum_fields(names: ModelNames) -> list[Field]:
    """The second pole's tilt against the vertical, and the tip."""
    first, second = "hinge", "hinge2"
    tip = f"data.site_xpos[{int(names.model.site('tip').id)}]"
    return [
        scalar(
            "second_pole_angle", "rad", f"Tilt of the upper pole against the vertical; {POLE_SIGN}.",
            f"{names.position(first)} + {names.position(second)}",
        ),
        scalar(
            "second_pole_angular_velocity", "rad/s", "Rate of second_pole_angle.",
            f"{names.velocity(first)} + {names.velocity(second)}",
        ),
        vector("tip_position", "m", "Upper pole's tip: x, z.", (f"{tip}[0]", f"{tip}[2]"), -2.8, 2.8),
        scalar("tip_height", "m", "Tip above the rail; 1.2 = both poles upright.", f"{tip}[2]", -1.3, 1.3),
    ]  # fmt: skip


INVERTED_DOUBLE_PENDULUM = Annotation(
    environment="InvertedDoublePendulumEnv",
    description="Cart on a rail that balances two poles, one on top of the other. "
    "The episode ends when the tip sinks to 1 m or below.",
    joints={"slider": "cart", "hinge": "pole", "hinge2": "second_pole_joint"},
    bodies={"pole2": "second_pole"},
    signs={
        "cart": "0 = the middle of the rail, + = towards +x",
        "pole": f"lower pole; {POLE_SIGN}",
        "second_pole_joint": "0 = the upper pole in line with the lower, + = bent towards +x",
    },
    fields=double_pendulum_fields,
    essential=(
        "cart_position", "cart_velocity", "pole_angle", "pole_angular_velocity", "second_pole_angle",
        "second_pole_angular_velocity", "tip_position", "tip_height",
    ),
)  # fmt: skip

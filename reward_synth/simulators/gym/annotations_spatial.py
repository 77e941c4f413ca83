"""Arms, ant and humanoids: names, signs and key fields, held against the simulator by the tests."""

from __future__ import annotations

from reward_synth.simulators.gym.annotations import (
    Annotation,
    free_root,
    geom_contact,
    geom_height,
    plane_velocity,
    scalar,
    vector,
)
from reward_synth.simulators.gym.mujoco_names import ModelNames
from reward_synth.state.fields import Field

FREE_ESSENTIAL = (
    "x_position", "y_position", "x_velocity", "y_velocity", "z_velocity", "torso_height", "up_alignment",
)  # fmt: skip

# ── Reacher and Pusher ──────────────────────────────────────────────────────────────────────────────────


def reacher_fields(names: ModelNames) -> list[Field]:
    """Fingertip and target in the plane; both lie at the same height."""
    tip = f"data.xpos[{names.body('fingertip')}]"
    target = (names.position("target_x"), names.position("target_y"))
    gap = (f"{target[0]} - {tip}[0]", f"{target[1]} - {tip}[1]")
    place, velocity = (f"{tip}[0]", f"{tip}[1]"), plane_velocity(names, "fingertip")
    distance = f"np.hypot({gap[0]}, {gap[1]})"
    return [
        vector("fingertip_position", "m", "Position of the fingertip: x, y.", place, -0.25, 0.25),
        vector("target_position", "m", "Position of the target, which stays: x, y.", target, -0.3, 0.3),
        vector("fingertip_to_target", "m", "From fingertip to target: x, y; 0 = reached.", gap, -0.5, 0.5),
        scalar(
            "fingertip_to_target_distance", "m", "Distance of the fingertip from the target; 0 = reached.",
            distance, 0, 0.6,
        ),
        vector("fingertip_velocity", "m/s", "Velocity of the fingertip: x, y.", velocity),
    ]  # fmt: skip


REACHER = Annotation(
    environment="ReacherEnv",
    description="Two-joint planar arm whose fingertip is to reach a target that is placed at random. "
    "Nothing ends an episode early.",
    joints={"joint0": "shoulder", "joint1": "elbow", "target_x": "target_x", "target_y": "target_y"},
    bodies={"body0": "upper_arm", "body1": "forearm"},
    signs={
        "shoulder": "0 = the arm points along +x, + = counter-clockwise from above. Not wrapped",
        "elbow": "0 = straight, + = the forearm turns counter-clockwise",
    },
    covered=frozenset({"target_x", "target_y"}),
    fields=reacher_fields,
    essential=(
        "fingertip_position", "target_position", "fingertip_to_target", "fingertip_to_target_distance",
        "fingertip_velocity", "shoulder_angle", "elbow_angle",
        "shoulder_angular_velocity", "elbow_angular_velocity",
    ),
)  # fmt: skip


def pusher_fields(names: ModelNames) -> list[Field]:
    """Fingertip between the two fingers, object and goal; the goal lies 5 cm below the object's centre."""
    left, right = (f"data.geom_xpos[{names.geom(g)}]" for g in ("tip_arml", "tip_armr"))
    tip = tuple(f"0.5 * ({left}[{k}] + {right}[{k}])" for k in range(3))
    item = f"data.xpos[{names.body('object')}]"
    goal = f"data.xpos[{names.body('goal')}]"
    reach = tuple(f"{item}[{k}] - {tip[k]}" for k in range(3))
    push = tuple(f"{goal}[{k}] - {item}[{k}]" for k in range(2))
    return [
        vector("fingertip_position", "m", "Middle between the two fingertips: x, y, z.", tip, -1.7, 1.7),
        Field("object_position", (3,), "m", -11, 11, "Position of the object: x, y, z.", code=item),
        Field("goal_position", (3,), "m", -11, 11, "Where the object is to be pushed: x, y, z.", code=goal),
        vector("fingertip_to_object", "m", "From the fingertip to the object: x, y, z.", reach),
        scalar(
            "fingertip_to_object_distance", "m", "Distance from the fingertip to the object's centre.",
            f"np.sqrt(({reach[0]}) ** 2 + ({reach[1]}) ** 2 + ({reach[2]}) ** 2)", low=0,
        ),
        vector("object_to_goal", "m", "From the object to the goal on the table: x, y.", push),
        scalar(
            "object_to_goal_distance", "m", "Distance on the table from the object to the goal; 0 = there.",
            f"np.hypot({push[0]}, {push[1]})", low=0,
        ),
    ]  # fmt: skip


PUSHER_JOINTS = {
    "r_shoulder_pan_joint": "shoulder_pan", "r_shoulder_lift_joint": "shoulder_lift",
    "r_upper_arm_roll_joint": "upper_arm_roll", "r_elbow_flex_joint": "elbow_flex",
    "r_forearm_roll_joint": "forearm_roll", "r_wrist_flex_joint": "wrist_flex",
    "r_wrist_roll_joint": "wrist_roll",
}  # fmt: skip

PUSHER = Annotation(
    environment="PusherEnv",
    description="Seven-joint robot arm that is to push a cylinder to a goal place on a table. "
    "Nothing ends an episode early.",
    joints={
        **PUSHER_JOINTS, "obj_slidey": "object_y", "obj_slidex": "object_x", "goal_slidey": "goal_y",
        "goal_slidex": "goal_x",
    },
    fields=pusher_fields,
    essential=(
        "fingertip_position", "object_position", "goal_position", "fingertip_to_object",
        "fingertip_to_object_distance", "object_to_goal", "object_to_goal_distance", "joint_velocities",
    ),
)  # fmt: skip

# ── Ant ─────────────────────────────────────────────────────────────────────────────────────────────────

ANT_LEGS = {1: "front_left", 2: "back_left", 3: "back_right", 4: "front_right"}
"""Named by where they are when the ant faces +x with +y to its left; the model's own names mix this up."""
ANT_SHINS = {1: 4, 2: 7, 3: 10, 4: 13}
"""Leg → number of its unnamed lowest body."""
ANT_ANKLE_GEOMS = {1: "left_ankle_geom", 2: "right_ankle_geom", 3: "third_ankle_geom", 4: "fourth_ankle_geom"}


def ant_fields(names: ModelNames) -> list[Field]:
    """Free root and the tips of the four legs."""
    fields = free_root(names, "data.xmat[1][8]", ("data.xmat[1][0]", "data.xmat[1][3]"))
    for leg, where in ANT_LEGS.items():
        # The lowest link's capsule starts at its body's origin: its far end is twice as far as its centre.
        geom, shin = names.geom(ANT_ANKLE_GEOMS[leg]), ANT_SHINS[leg]
        code = f"2 * data.geom_xpos[{geom}][2] - data.xpos[{shin}][2]"
        doc = f"Height of the tip of the {where.replace('_', ' ')} leg; about 0.08 when on the ground."
        fields.append(scalar(f"{where}_foot_height", "m", doc, code, low=-0.1))
        fields.append(geom_contact(names, f"{where}_foot_contact", ANT_ANKLE_GEOMS[leg], f"the {where} lower leg"))
    return fields


ANT = Annotation(
    environment="AntEnv",
    description="Four-legged ant on flat ground; it can walk in any direction, turn, lie down or wave a leg.",
    fall="The episode ends when the torso leaves 0.2 to 1.0 m of height.",
    joints={
        "root": "root",
        **{f"hip_{leg}": f"{where}_hip" for leg, where in ANT_LEGS.items()},
        **{f"ankle_{leg}": f"{where}_ankle" for leg, where in ANT_LEGS.items()},
    },
    bodies={
        "front_left_leg": "front_left_stub", "aux_1": "front_left_thigh", 4: "front_left_shin",
        "front_right_leg": "back_left_stub", "aux_2": "back_left_thigh", 7: "back_left_shin",
        "back_leg": "back_right_stub", "aux_3": "back_right_thigh", 10: "back_right_shin",
        "right_back_leg": "front_right_stub", "aux_4": "front_right_thigh", 13: "front_right_shin",
    },
    signs={
        **{f"{where}_hip": "+ = the leg swings counter-clockwise from above" for where in ANT_LEGS.values()},
        "front_left_ankle": "+ = foot down", "front_right_ankle": "+ = foot down",
        "back_left_ankle": "+ = foot up", "back_right_ankle": "+ = foot up",
    },
    fields=ant_fields,
    essential=(
        *FREE_ESSENTIAL, "heading_angle", "front_left_foot_height", "front_right_foot_height",
        "back_left_foot_height", "back_right_foot_height", "joint_angles", "joint_velocities",
    ),
)  # fmt: skip

# ── Humanoids ───────────────────────────────────────────────────────────────────────────────────────────

HUMANOID_JOINTS = (
    "abdomen_z", "abdomen_y", "abdomen_x", "right_hip_x", "right_hip_z", "right_hip_y", "right_knee",
    "left_hip_x", "left_hip_z", "left_hip_y", "left_knee", "right_shoulder1", "right_shoulder2",
    "right_elbow", "left_shoulder1", "left_shoulder2", "left_elbow",
)  # fmt: skip
KNEE_SIGNS = {f"{side}_knee": "0 = straight, negative = bent" for side in ("right", "left")}


def humanoid_parts(names: ModelNames) -> list[Field]:
    """Head, feet and hands."""
    return [
        geom_height(names, "head_height", "head", "Height of the centre of the head above the ground."),
        *(
            geom_height(
                names, f"{side}_{part}_height", f"{side}_{part}",
                f"Height of the centre of the {side} {part} above the ground.",
            )
            for part in ("foot", "hand") for side in ("right", "left")
        ),
    ]  # fmt: skip


def humanoid_fields(names: ModelNames) -> list[Field]:
    """Free root, upright with its z axis up and its x axis forward."""
    root = free_root(names, "data.xmat[1][8]", ("data.xmat[1][0]", "data.xmat[1][3]"))
    return [*root, *humanoid_parts(names)]


HUMANOID = Annotation(
    environment="HumanoidEnv",
    description="Humanoid with 17 joints, standing; it can walk, run or stand still.",
    fall="A fall ends the episode: torso outside 1.0 to 2.0 m.",
    joints={"root": "root", **{joint: joint for joint in HUMANOID_JOINTS}},
    signs={
        **KNEE_SIGNS, "right_hip_y": "0 = leg straight down, negative = thigh raised forward",
        "left_hip_y": "0 = leg straight down, negative = thigh raised forward",
        "abdomen_y": "0 = straight, negative = upper body bent backward against the pelvis",
    },
    fields=humanoid_fields,
    essential=(
        *FREE_ESSENTIAL, "heading_angle", "head_height", "right_foot_height", "left_foot_height",
        "joint_velocities",
    ),
)  # fmt: skip


def humanoid_standup_fields(names: ModelNames) -> list[Field]:
    """Free root of the model that starts on its back: its negative x axis points from pelvis to head."""
    return [*free_root(names, "-data.xmat[1][6]", None), *humanoid_parts(names)]


HUMANOID_STANDUP = Annotation(
    environment="HumanoidStandupEnv",
    description="Humanoid with 17 joints, lying on its back; it is to stand up. Nothing ends an episode early.",
    joints=HUMANOID.joints,
    signs=KNEE_SIGNS,
    fields=humanoid_standup_fields,
    essential=(*FREE_ESSENTIAL, "head_height", "right_foot_height", "left_foot_height", "joint_velocities"),
)

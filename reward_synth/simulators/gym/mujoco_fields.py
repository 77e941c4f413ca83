"""Fields of any MuJoCo model, generated from the compiled model.

Joint positions and velocities (``qpos``, ``qvel``) are those at the end of the step. Body poses, velocities and
contacts come from the simulator's last evaluation of forces: with the Euler integrator that is one physics substep
earlier, with RK4 practically the same instant. The environments' own observations use the same values.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from reward_synth.simulators.gym.mujoco_names import ModelNames, body_velocity, identifier, touching
from reward_synth.state.fields import SWITCH_UNIT, Field

INF = math.inf
HINGE_ROOM = 0.8
"""The range of a hinge is widened by this share of its span. Joint limits are springs, and strong motors push light
limbs far beyond them: a random walker bends its foot by half of the span too far."""
SLIDE_ROOM = 0.25
"""The range of a slide is widened by this share of its span."""
LEAST_ROOM = 0.35
"""Every range is widened by at least this much, in rad or m."""


class FieldCollector:
    """Gathers fields under distinct names; the first of two fields that read the same is kept."""

    def __init__(self, fields: list[Field]) -> None:
        self.fields = list(fields)
        self._names = {f.name for f in fields}
        self._codes = {(f.code, f.shape) for f in fields}

    def add(self, field: Field, alternative: str) -> None:
        """Add the field, under ``alternative`` (with a number if necessary) if its name is taken."""
        if (field.code, field.shape) in self._codes:
            return
        name, number = field.name, 2
        if name in self._names:
            name = alternative
        while name in self._names:
            name, number = f"{alternative}_{number}", number + 1
        self._names.add(name)
        self._codes.add((field.code, field.shape))
        self.fields.append(replace(field, name=name))


def generic_fields(
    names: ModelNames, annotated: list[Field], docs: Mapping[str, str] | None = None, skip: Collection[str] = ()
) -> list[Field]:
    """The whole table: the annotated fields first, then joints, bodies, contacts, sites, actuators and sensors.

    :param names: the model and its readable names.
    :param annotated: fields to put first; generated ones never take their names.
    :param docs: readable joint name → sign convention, shown instead of the joint's axis.
    :param skip: joints (the model's names) that the annotated fields cover.
    """
    collector = FieldCollector(annotated)
    for joint in range(names.model.njnt):
        if names.model.joint(joint).name not in skip:
            base = names.joint_name(joint)
            for suffix, field in _joint_fields(names, joint, (docs or {}).get(base, "")):
                doc = field.doc + names.in_the_model("joint", joint)
                collector.add(replace(field, doc=doc), f"{base}_joint_{suffix}")
    for field in _driven_joint_vectors(names):
        collector.add(field, f"driven_{field.name}")
    for body in range(1, names.model.nbody):
        base = names.body_name(body)
        for suffix, field in _body_fields(names, body):
            doc = field.doc + names.in_the_model("body", body)
            collector.add(replace(field, doc=doc), f"{base}_body_{suffix}")
    makers = {
        "geom": _contact_fields,
        "site": _site_fields,
        "mass": _mass_fields,
        "tendon": _tendon_fields,
        "actuator": _control_fields,
        "sensor": _sensor_fields,
    }
    for kind, make in makers.items():
        for field in make(names):
            stem, _, quantity = field.name.rpartition("_")
            collector.add(field, f"{stem}_{kind}_{quantity}" if stem else f"{kind}_{quantity}")
    return collector.fields


def limits(model: Any, joint: int) -> tuple[float, float]:
    """Range of a joint's position with room for its soft limits; infinite if the joint has no limits."""
    import mujoco

    if not model.jnt_limited[joint]:
        return -INF, INF
    low, high = (float(value) for value in model.jnt_range[joint])
    hinge = model.jnt_type[joint] == int(mujoco.mjtJoint.mjJNT_HINGE)
    room = max(LEAST_ROOM, (HINGE_ROOM if hinge else SLIDE_ROOM) * (high - low))
    start = float(model.qpos0[model.jnt_qposadr[joint]])  # may lie outside: an ant starts with straight ankles
    return round(min(low - room, start - LEAST_ROOM), 4), round(max(high + room, start + LEAST_ROOM), 4)


def _joint_fields(names: ModelNames, joint: int, sign: str) -> Iterator[tuple[str, Field]]:
    import mujoco

    model, base = names.model, names.joint_name(joint)
    q, v = int(model.jnt_qposadr[joint]), int(model.jnt_dofadr[joint])
    kind = mujoco.mjtJoint(int(model.jnt_type[joint]))
    body = names.body_name(int(model.jnt_bodyid[joint]))
    if kind == mujoco.mjtJoint.mjJNT_FREE:
        doc = f"Angular velocity of {body} in its own axes."
        field = Field(f"{body}_angular_velocity", (3,), "rad/s", -INF, INF, doc, code=f"data.qvel[{v + 3}:{v + 6}]")
        yield "angular_velocity", field
        return
    if kind == mujoco.mjtJoint.mjJNT_BALL:
        doc = f"Rotation of ball joint {base}: quaternion w, x, y, z, relative to the parent body."
        yield "quaternion", Field(f"{base}_quaternion", (4,), "1", -1, 1, doc, code=f"data.qpos[{q}:{q + 4}]")
        doc = f"Angular velocity of ball joint {base}, in the axes of {body}."
        field = Field(f"{base}_angular_velocity", (3,), "rad/s", -INF, INF, doc, code=f"data.qvel[{v}:{v + 3}]")
        yield "angular_velocity", field
        return
    hinge = kind == mujoco.mjtJoint.mjJNT_HINGE
    low, high = limits(model, joint)
    axis = "[" + ", ".join(f"{value:.2g}" for value in model.jnt_axis[joint] + 0.0) + "]"
    sign = sign or (f"+ turns {body} right-handed about" if hinge else f"+ moves {body} along") + f" its axis {axis}"
    usual = "" if math.isinf(low) else ", normally {:.3g} to {:.3g}".format(*model.jnt_range[joint])
    quantity, rate, unit = ("angle", "angular_velocity", "rad") if hinge else ("position", "velocity", "m")
    doc = f"Joint {quantity}{usual}; {sign}."
    yield quantity, Field(f"{base}_{quantity}", (), unit, low, high, doc, code=f"data.qpos[{q}]")
    doc = f"Rate of {base}_{quantity}."
    yield rate, Field(f"{base}_{rate}", (), f"{unit}/s", -INF, INF, doc, code=f"data.qvel[{v}]")


def _driven_joint_vectors(names: ModelNames) -> Iterator[Field]:
    """All driven hinges as one vector, in the order of the action: for posture and smoothness terms."""
    import mujoco

    model = names.model
    joints = [names.driven_joint(a) for a in range(model.nu)]
    hinges = [j for j in joints if j is not None and model.jnt_type[j] == int(mujoco.mjtJoint.mjJNT_HINGE)]
    if len(hinges) < 2 or len(hinges) != len(joints) or len(set(hinges)) != len(hinges):
        return
    bounds = [limits(model, j) for j in hinges]
    code = "(" + ", ".join(f"data.qpos[{int(model.jnt_qposadr[j])}]" for j in hinges) + ")"
    low, high = min(low for low, _ in bounds), max(high for _, high in bounds)
    doc = "Angles of the driven joints, in the order of the action."
    yield Field("joint_angles", (len(hinges),), "rad", low, high, doc, code=code)
    code = "(" + ", ".join(f"data.qvel[{int(model.jnt_dofadr[j])}]" for j in hinges) + ")"
    doc = "Angular velocities of the driven joints, in the order of the action."
    yield Field("joint_velocities", (len(hinges),), "rad/s", -INF, INF, doc, code=code)


def _body_fields(names: ModelNames, body: int) -> Iterator[tuple[str, Field]]:
    import mujoco

    model, base = names.model, names.body_name(body)
    first = int(model.body_jntadr[body])
    free = first >= 0 and model.jnt_type[first] == int(mujoco.mjtJoint.mjJNT_FREE)
    position, velocity = f"data.xpos[{body}]", f"({', '.join(body_velocity(model, body))})"
    if free:  # the joint's own state: exact at the end of the step
        q, v = int(model.jnt_qposadr[first]), int(model.jnt_dofadr[first])
        position, velocity = f"data.qpos[{q}:{q + 3}]", f"data.qvel[{v}:{v + 3}]"
    doc = f"Position of the origin of {base} in the world: x, y, z."
    yield "position", Field(f"{base}_position", (3,), "m", -INF, INF, doc, code=position)
    doc = f"Orientation of {base} in the world: unit quaternion w, x, y, z."
    yield "quaternion", Field(f"{base}_quaternion", (4,), "1", -1, 1, doc, code=f"data.xquat[{body}]")
    if model.body_weldid[body] == 0:  # part of the scenery: it never moves by itself
        return
    doc = f"Velocity of the origin of {base} in world axes."
    yield "velocity", Field(f"{base}_velocity", (3,), "m/s", -INF, INF, doc, code=velocity)
    doc = f"Direction of the z axis of {base} in the world: x, y, z; (0, 0, 1) = straight up."
    code = f"(data.xmat[{body}][2], data.xmat[{body}][5], data.xmat[{body}][8])"
    yield "up_axis", Field(f"{base}_up_axis", (3,), "1", -1, 1, doc, code=code)
    doc = f"Angular velocity of {base} in world axes (right-hand rule)."
    field = Field(f"{base}_rotation_rate", (3,), "rad/s", -INF, INF, doc, code=f"data.cvel[{body}][0:3]")
    yield "rotation_rate", field


def _collidable(model: Any, geom: int) -> bool:
    """True if some geom of another body may touch this one (parent and child never do)."""
    body, root = int(model.geom_bodyid[geom]), int(model.geom_bodyid[geom])
    mine, his = int(model.geom_contype[geom]), int(model.geom_conaffinity[geom])
    for other in range(model.ngeom):
        other_body = int(model.geom_bodyid[other])
        related = other_body in (body, int(model.body_parentid[body])) or model.body_parentid[other_body] == root
        if related and other_body != 0:
            continue
        if other_body != body and (mine & int(model.geom_conaffinity[other]) or his & int(model.geom_contype[other])):
            return True
    return bool(model.npair) and any(geom in (model.pair_geom1[p], model.pair_geom2[p]) for p in range(model.npair))


def _contact_fields(names: ModelNames) -> Iterator[Field]:
    import mujoco

    model = names.model
    if model.opt.disableflags & mujoco.mjtDisableBit.mjDSBL_CONTACT:
        return
    for body in range(1, model.nbody):
        base = names.body_name(body)
        geoms = [g for g in range(model.ngeom) if model.geom_bodyid[g] == body and _collidable(model, g)]
        if not geoms or model.body_weldid[body] == 0:
            continue
        doc = f"1 while {base} touches the ground or another body, else 0."
        yield Field(f"{base}_contact", (), SWITCH_UNIT, 0, 1, doc, code=touching(geoms))
        for geom in geoms if len(geoms) > 1 else ():
            raw = model.geom(geom).name
            if raw and identifier(raw, "") != base:
                name = identifier(raw, f"geom_{geom}")
                doc = f"1 while the part {name} of {base} touches the ground or another body, else 0."
                yield Field(f"{name}_contact", (), SWITCH_UNIT, 0, 1, doc, code=touching([geom]))
        if model.neq == 0:  # with equality constraints, cfrc_ext contains their forces too
            doc = f"Size of the sum of all contact forces on {base}."
            force = f"data.cfrc_ext[{body}]"
            total = "np.sqrt(" + " + ".join(f"{force}[{k}] * {force}[{k}]" for k in (3, 4, 5)) + ")"
            code = f"(mujoco.mj_rnePostConstraint(model, data), {total})[1]"
            yield Field(f"{base}_contact_force", (), "N", 0, INF, doc, code=code)


def _site_fields(names: ModelNames) -> Iterator[Field]:
    for site in range(names.model.nsite):
        raw = names.model.site(site).name
        if raw:
            name = identifier(raw, f"site_{site}")
            doc = f"Position of the site {name} in the world: x, y, z."
            yield Field(f"{name}_position", (3,), "m", -INF, INF, doc, code=f"data.site_xpos[{site}]")


def _mass_fields(names: ModelNames) -> Iterator[Field]:
    """Centre of mass of each tree of bodies that moves. A single body needs none, since it has its position."""
    model = names.model
    roots = []
    for body in range(1, model.nbody):
        tree = [b for b in range(1, model.nbody) if model.body_rootid[b] == body]
        if len(tree) > 1 and any(model.body_jntnum[b] for b in tree) and model.body_subtreemass[body] > 0:
            roots.append(body)
    for root in roots:
        prefix = "" if len(roots) == 1 else f"{names.body_name(root)}_"
        whole = "the robot" if len(roots) == 1 else f"{names.body_name(root)} and all that hangs on it"
        name, code = f"{prefix}center_of_mass_position", f"data.subtree_com[{root}]"
        yield Field(name, (3,), "m", -INF, INF, f"Centre of mass of {whole} in the world.", code=code)
        name = f"{prefix}center_of_mass_velocity"
        code = f"(mujoco.mj_subtreeVel(model, data), data.subtree_linvel[{root}])[1]"
        doc = f"Velocity of the centre of mass of {whole} in world axes."
        yield Field(name, (3,), "m/s", -INF, INF, doc, code=code)


def _tendon_fields(names: ModelNames) -> Iterator[Field]:
    """Length and speed of the tendons that run through space. A fixed one is a sum of joints, which have fields."""
    import mujoco

    model = names.model
    for tendon in range(model.ntendon):
        if model.wrap_type[model.tendon_adr[tendon]] == int(mujoco.mjtWrap.mjWRAP_JOINT):
            continue
        name = identifier(model.tendon(tendon).name, f"tendon_{tendon}")
        doc = f"Length of the tendon {name}."
        yield Field(f"{name}_length", (), "m", 0, INF, doc, code=f"data.ten_length[{tendon}]")
        doc = f"Rate of the length of the tendon {name}; + = it gets longer."
        yield Field(f"{name}_velocity", (), "m/s", -INF, INF, doc, code=f"data.ten_velocity[{tendon}]")


def _control_fields(names: ModelNames) -> Iterator[Field]:
    import mujoco

    model = names.model
    for actuator, name in enumerate(names.actuator_names()):
        low, high = -INF, INF
        if model.actuator_ctrllimited[actuator]:  # actions are float32 and may round to just outside
            low, high = (float(np.float32(value)) for value in model.actuator_ctrlrange[actuator])
        doc = f"Control of actuator {name} in the step that led here; 0 after a reset."
        yield Field(f"{name}_control", (), "1", low, high, doc, code=f"data.ctrl[{actuator}]")
        if model.actuator_actnum[actuator] == 1:
            muscle = model.actuator_dyntype[actuator] == int(mujoco.mjtDyn.mjDYN_MUSCLE)
            low, high = (0, 1) if muscle else (-INF, INF)
            if model.actuator_actlimited[actuator]:
                low, high = (float(value) for value in model.actuator_actrange[actuator])
            doc = f"Activation of actuator {name}, which follows its control."
            code = f"data.act[{model.actuator_actadr[actuator]}]"
            yield Field(f"{name}_activation", (), "1", low, high, doc, code=code)


def _sensor_fields(names: ModelNames) -> Iterator[Field]:
    import mujoco

    model = names.model
    for sensor in range(model.nsensor):
        start, size = int(model.sensor_adr[sensor]), int(model.sensor_dim[sensor])
        kind = mujoco.mjtSensor(int(model.sensor_type[sensor])).name.removeprefix("mjSENS_").lower()
        name = identifier(model.sensor(sensor).name, f"sensor_{sensor}")
        code = f"data.sensordata[{start}]" if size == 1 else f"data.sensordata[{start}:{start + size}]"
        shape = () if size == 1 else (size,)
        doc = f"Reading of the {kind} sensor {name}."
        yield Field(name, shape, SENSOR_UNITS.get(kind, "1"), -INF, INF, doc, code=code)


SENSOR_UNITS = {
    "touch": "N", "accelerometer": "m/s²", "velocimeter": "m/s", "gyro": "rad/s", "force": "N",
    "torque": "N·m", "rangefinder": "m", "ballangvel": "rad/s", "framepos": "m", "framelinvel": "m/s",
    "frameangvel": "rad/s",
    "framelinacc": "m/s²", "frameangacc": "rad/s²", "subtreecom": "m", "subtreelinvel": "m/s",
    "subtreeangmom": "kg·m²/s", "geomdist": "m", "e_potential": "J", "e_kinetic": "J", "clock": "s",
}  # fmt: skip
"""Units by kind of sensor. Kinds that may measure an angle or a length (joints, tendons) have none."""

"""Names and expressions of a compiled MuJoCo model, as the field makers need them."""

from __future__ import annotations

import keyword
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any

RESERVED = frozenset({"action", "dt", "horizon", "length", "seconds", "terminated", "count", "index"})
"""Names that an episode or a view already uses for something else."""


def identifier(text: str, fallback: str) -> str:
    """A public snake-case identifier made from a name in the model; ``fallback`` if nothing of it remains."""
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", text)
    name = re.sub(r"[^0-9a-zA-Z]+", "_", snake).strip("_").lower()
    if not name:
        return fallback
    if name[0].isdigit():
        name = f"{fallback.split('_')[0] or 'value'}_{name}"
    return f"{name}_value" if keyword.iskeyword(name) or name in RESERVED else name


class ModelNames:
    """Readable names of a model's parts, and the expressions that read them.

    :param model: compiled ``mujoco.MjModel``.
    :param joints: name of a joint in the model → the name to use instead.
    :param bodies: the same for bodies; an unnamed body is addressed by its number.
    """

    def __init__(
        self,
        model: Any,
        joints: Mapping[str, str] | None = None,
        bodies: Mapping[str, str] | None = None,
    ) -> None:
        self.model = model
        self._joints = joints or {}
        self._bodies = bodies or {}
        self._by_name: dict[str, dict[str, list[int]]] = {}

    def joint_name(self, joint: int) -> str:
        """Readable name of a joint, without a final ``_joint``, because the names of its fields say what they are."""
        raw: str = self.model.joint(joint).name
        if raw in self._joints:
            return self._joints[raw]
        return self._distinct("joint", joint)

    def body_name(self, body: int) -> str:
        """Readable name of a body."""
        raw: str = self.model.body(body).name
        return self._bodies.get(raw or str(body)) or self._distinct("body", body)

    def in_the_model(self, kind: str, number: int) -> str:
        """The part's own name as the end of a text, if it is not the only one that its readable name stands for."""
        alike = self._alike(kind)[self._plain(kind, number)]
        return f" (`{getattr(self.model, kind)(number).name}` in the model.)" if len(alike) > 1 else ""

    def _distinct(self, kind: str, number: int) -> str:
        """The readable name, with a number if an earlier part has the same: ``arm-1`` and ``arm_1``."""
        plain = self._plain(kind, number)
        place = self._alike(kind)[plain].index(number)
        return f"{plain}_{place + 1}" if place else plain

    def _plain(self, kind: str, number: int) -> str:
        raw: str = getattr(self.model, kind)(number).name
        return identifier(re.sub(r"[_ ]joint$", "", raw) if kind == "joint" else raw, f"{kind}_{number}")

    def _alike(self, kind: str) -> dict[str, list[int]]:
        """Parts of a kind by their readable names; those that the model does not name have names of their own."""
        if kind not in self._by_name:
            found: defaultdict[str, list[int]] = defaultdict(list)
            for number in range({"body": self.model.nbody, "joint": self.model.njnt}[kind]):
                found[self._plain(kind, number)].append(number)
            self._by_name[kind] = found
        return self._by_name[kind]

    def actuator_name(self, actuator: int) -> str:
        """The actuator's own name, or else that of the joint it drives."""
        joint = self.driven_joint(actuator)
        raw: str = self.model.actuator(actuator).name
        if joint is not None and (not raw or self.model.joint(joint).name in self._joints):
            return self.joint_name(joint)
        return identifier(raw, f"actuator_{actuator}")

    def actuator_names(self) -> list[str]:
        """Readable names of all actuators in order; no two are equal."""
        names: list[str] = []
        for actuator in range(self.model.nu):
            name = self.actuator_name(actuator)
            names.append(f"{name}_{actuator}" if name in names else name)
        return names

    def driven_joint(self, actuator: int) -> int | None:
        """Number of the joint that an actuator acts on, or None for tendons, sites and bodies."""
        import mujoco

        kinds = (int(mujoco.mjtTrn.mjTRN_JOINT), int(mujoco.mjtTrn.mjTRN_JOINTINPARENT))
        if int(self.model.actuator_trntype[actuator]) not in kinds:
            return None
        return int(self.model.actuator_trnid[actuator, 0])


class Texts(dict[str, Any]):
    """Placeholders in the texts of a data file that read a compiled model, such as ``{body_velocity[hand][0]}``.

    :param texts: further placeholders by name, with texts that may contain placeholders too.
    """

    def __init__(self, model: Any, texts: Mapping[str, str] | None = None) -> None:
        asked: dict[str, Callable[[str], Any]] = {
            "position": lambda joint: _position(model, joint),
            "velocity": lambda joint: f"data.qvel[{model.joint(joint).dofadr[0]}]",
            "height": lambda slide: _height(model, slide),
            "start": lambda body: float(model.body(body).pos[2]),
            "body": lambda body: model.body(body).id,
            "body_velocity": lambda body: body_velocity(model, model.body(body).id),
            "centre": lambda geom: f"data.geom_xpos[{model.geom(geom).id}]",
            "radii": lambda balls: sum(float(model.geom(ball).size[0]) for ball in balls.split("+")),
            "touching": lambda geom: touching([model.geom(geom).id]),
            "site": lambda site: f"data.site_xpos[{model.site(site).id}]",
        }
        super().__init__({name: _Asked(function) for name, function in asked.items()})
        self._texts = texts or {}

    def __missing__(self, name: str) -> str:
        text = self[name] = self._texts[name].format_map(self)
        return text


class _Asked:
    """A function that a placeholder calls with brackets."""

    def __init__(self, function: Callable[[str], Any]) -> None:
        self._function = function

    def __getitem__(self, name: str) -> Any:
        return self._function(name)


def _position(model: Any, joint: str) -> str:
    """Expression of a slide's or hinge's position."""
    return f"data.qpos[{model.joint(joint).qposadr[0]}]"


def _height(model: Any, slide: str) -> str:
    """Expression of the height of the body that a vertical slide moves."""
    joint = model.joint(slide).id
    offset = float(model.body_pos[model.jnt_bodyid[joint], 2] - model.qpos0[model.jnt_qposadr[joint]])
    return _position(model, slide) + (f" + {offset!r}" if offset else "")


def body_velocity(model: Any, body: int) -> tuple[str, str, str]:
    """Expressions of the velocity of a body frame's origin along world x, y and z.

    MuJoCo keeps ``cvel`` (angular, linear) at the centre of mass of the body's tree, so the linear part is
    moved to the origin: v + ω × (origin − centre).
    """
    spin, here = f"data.cvel[{body}]", f"data.xpos[{body}]"
    centre = f"data.subtree_com[{int(model.body_rootid[body])}]"
    arm = [f"({here}[{k}] - {centre}[{k}])" for k in range(3)]
    return (
        f"{spin}[3] + {spin}[1] * {arm[2]} - {spin}[2] * {arm[1]}",
        f"{spin}[4] + {spin}[2] * {arm[0]} - {spin}[0] * {arm[2]}",
        f"{spin}[5] + {spin}[0] * {arm[1]} - {spin}[1] * {arm[0]}",
    )


def touching(geoms: list[int]) -> str:
    """Expression that is 1.0 while any of the geoms takes part in a contact."""
    from reward_synth.state.row_reader import TOUCHING_GEOMS

    if len(geoms) == 1:
        return f"float({geoms[0]} in {TOUCHING_GEOMS})"
    return f"float(not {{{', '.join(map(str, geoms))}}}.isdisjoint({TOUCHING_GEOMS}))"

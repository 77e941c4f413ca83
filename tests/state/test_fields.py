"""The field table by itself: layout, subsets, probe rows, stub text."""

from __future__ import annotations

import math
import pickle
import re

import numpy as np
import pytest

from reward_synth.simulators.gym.adapter import GymMujoco
from reward_synth.state.fields import ActionDimension, Field
from reward_synth.state.table import FieldTable
from reward_synth.state.view import viewer

INF = math.inf


class Thermostat:
    """A simulator without expressions: its fields are read by functions."""

    unwrapped = property(lambda self: self)
    temperature = 21.5
    wind = (1.0, 2.0)


def table() -> FieldTable:
    fields = [
        Field("temperature", (), "°C", -50, 60, "Of the room.", read=lambda env: env.temperature, essential=True),
        Field("wind", (2,), "m/s", -INF, INF, "East, north.", read=lambda env: env.wind),
        Field("window_open", (), "0/1", 0, 1, "1 while open.", read=lambda env: 1.0, essential=True),
        Field("height", (), "m", 3, INF, "Above the ground.", read=lambda env: 4.0),
        Field("depth", (), "m", -INF, -2, "Below the ground.", read=lambda env: -3.0),
    ]
    return FieldTable(fields, [ActionDimension(0, "heater", "200 W", 0, 1, "+ warms.")])


def test_layout_width_columns_and_bounds_agree() -> None:
    t = table()
    assert t.names == ("temperature", "wind", "window_open", "height", "depth")
    assert t.layout()[1] == ("wind", (2,)) and t.width() == 6 and len(t) == 5
    assert t.columns()["window_open"] == slice(3, 4)
    np.testing.assert_array_equal(t.low, [-50, -INF, -INF, 0, 3, -INF])
    np.testing.assert_array_equal(t.high, [60, INF, INF, 1, INF, -2])
    assert t.get("wind") is t[1] and t.get("rain") is None


def test_fields_read_by_functions_fill_the_row_too() -> None:
    t = table()
    env = Thermostat()
    read = t.reader(env)
    np.testing.assert_array_equal(read(), [21.5, 1, 2, 1, 4, -3])
    assert read() is not read()
    view = viewer(t.layout())(read())
    assert view.temperature == 21.5 and list(view.wind) == [1, 2]


def test_subset_keeps_table_order_and_refuses_unknown_names() -> None:
    t = table()
    assert t.subset(["height", "temperature"]).names == ("temperature", "height")
    assert t.subset(["height"]).actions == t.actions
    assert t.essential().names == ("temperature", "window_open")
    assert t.subset([]).reader(Thermostat())().shape == (0,)
    with pytest.raises(KeyError, match="rain"):
        t.subset(["rain"])


def test_two_fields_of_one_name_are_refused() -> None:
    field = table()[0]
    with pytest.raises(ValueError, match="duplicate field names: \\['temperature'\\]"):
        FieldTable([field, field], [])


@pytest.mark.parametrize("name", ["back thigh", "2x", ""])
def test_names_must_be_identifiers(name: str) -> None:
    with pytest.raises(ValueError, match="identifier"):
        Field(name, (), "m", 0, 1, "", code="data.qpos[0]")


def test_a_field_needs_code_or_a_reader() -> None:
    with pytest.raises(ValueError, match="neither"):
        Field("x", (), "m", 0, 1, "")


def test_stub_lines_hold_unit_range_shape_and_meaning() -> None:
    assert table().stub().splitlines() == [
        "class State:",
        "    # Needed most often:",
        "    temperature: float  # °C, [-50, 60]. Of the room.",
        "    window_open: float  # 0/1. 1 while open.",
        "    # All others:",
        "    wind: np.ndarray  # shape (2,), m/s. East, north.",
        "    height: float  # m, >= 3. Above the ground.",
        "    depth: float  # m, <= -2. Below the ground.",
        "",
        "# action: np.ndarray  # shape (1,)",
        "#   action[0]: heater  # [0, 1], 1.0 = 200 W. + warms.",
    ]
    assert table().stub(short=True).splitlines() == [
        "class State:",
        "    temperature: float  # °C, [-50, 60]. Of the room.",
        "    window_open: float  # 0/1. 1 while open.",
        "",
        "# action: np.ndarray  # shape (1,), each in [0, 1]: heater",
    ]


def test_short_stub_of_the_hopper() -> None:
    simulator = GymMujoco()
    assert simulator.fields(simulator.make("Hopper-v5", {})).stub(short=True) == (
        "class State:\n"
        "    x_position: float  # m. Position of the torso; + = forward.\n"
        "    x_velocity: float  # m/s. Velocity of the torso; + = forward, negative = backward. "
        "A good hop is 1 to 3.\n"
        "    torso_height: float  # m, >= 0. Height of the torso's centre above the ground; 1.25 at the start.\n"
        "    z_velocity: float  # m/s. Vertical velocity of the torso; + = up.\n"
        "    torso_pitch: float  # rad. Tilt of the torso; 0 = as at the start, + = leaning forward; "
        "not wrapped: 2π = a whole front flip.\n"
        "    torso_pitch_velocity: float  # rad/s. Rate of torso_pitch; + = tipping forward.\n"
        "    thigh_angle: float  # rad. Joint angle, normally -2.62 to 0; "
        "0 = in line with the torso, negative = swung backward.\n"
        "    leg_angle: float  # rad. Joint angle, normally -2.62 to 0; "
        "knee: 0 = straight, negative = bent, the lower leg swung backward.\n"
        "    foot_angle: float  # rad. Joint angle, normally -0.785 to 0.785; "
        "ankle: 0 = level, + = toes up, negative = toes down.\n"
        "    foot_height: float  # m, >= -0.1. Height of the foot's centre above the ground; "
        "about 0.06 when it stands flat.\n"
        "    foot_contact: float  # 0/1. 1 while foot touches the ground or another body, else 0.\n"
        "\n"
        "# action: np.ndarray  # shape (3,), each in [-1, 1]: thigh, leg, foot\n"
    )


def test_tables_travel_between_processes() -> None:
    simulator = GymMujoco()
    env = simulator.make("Ant-v5", {})
    env.reset(seed=0)
    fields = simulator.fields(env)
    copy = pickle.loads(pickle.dumps(fields))
    np.testing.assert_array_equal(copy.reader(env)(), fields.reader(env)())


def test_a_table_without_judges_fields_stays_itself() -> None:
    plain = Field("height", (), "m", 0.0, 1.0, "Height.", code="data.qpos[0]")
    judged = Field("done", (), "0/1", 0.0, 1.0, "Done.", code="data.qpos[1]", judge_only=True)
    table = FieldTable([plain], [])
    assert table.for_rewards() is table
    assert FieldTable([plain, judged], []).for_rewards().names == ("height",)


def test_what_every_part_has_is_told_once_in_the_grouped_stub() -> None:
    simulator = GymMujoco()
    env = simulator.make("Ant-v5", {})
    fields = simulator.fields(env)
    env.close()
    whole, grouped = fields.stub(), fields.stub(grouped=True)
    assert len(grouped) < 0.5 * len(whole)
    head = next(line for line in grouped.splitlines() if "For each PART of" in line and "front_left_stub" in line)
    assert "back_right_shin" in head and "(as in torso_position)" in head
    # Every field can still be named: by a line of its own, or by its part and the line that all parts share.
    named = {name for line in re.findall(r"^    ([\w, ]+): ", grouped, flags=re.M) for name in line.split(", ")}
    assert (
        "    front_left_hip_angle, back_left_hip_angle, back_right_hip_angle, front_right_hip_angle: float" in grouped
    )
    parts: list[str] = []
    for line in grouped.splitlines():
        if "# For each PART of " in line:
            parts = line.partition(" of ")[2].partition(" (as in")[0].split(", ")
        elif line.strip().startswith("PART_"):
            named |= {line.strip().partition(":")[0].replace("PART", part) for part in parts}
    assert {field.name for field in fields.for_rewards()} <= named
    # So it is with the elements of the action, each with its number.
    (motors,) = (line for line in grouped.splitlines() if "#   action[" in line)
    assert all(f"[{each.index}] {each.name}" in motors for each in fields.actions)
    assert motors.endswith(
        "; for each PART of these  # [-1, 1], 1.0 = 150 N·m. Torque on joint PART; + increases PART_angle."
    )
    # The essential fields are told as they are.
    assert grouped.partition("# All others:")[0] == whole.partition("# All others:")[0]

"""A fixed brief of a made-up robot, for snapshots and scripted models."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from reward_synth.core.types import Alignment, CheckReport, Finding
from reward_synth.llm.fake import ScriptedModel
from reward_synth.roles.brief import Attempt, Brief, Example, Turn
from reward_synth.roles.measure_form import WHENS, Quantity
from reward_synth.roles.prompts import Prompts
from reward_synth.roles.task_drafter import Drafted, GoalBrief, MeasureCheck, TaskDrafter

STUB = """class State:
    arm_height: float  # m, [0, 2]. Height of the arm above the table; + = up.
    arm_velocity: float  # m/s. Vertical velocity of the arm; + = rising.
    arm_to_cup: np.ndarray  # shape (3,), m. Vector from the arm to the cup, world frame.
    cup_tilt: float  # rad, [0, 3.142]. 0 = standing.

# action: np.ndarray  # shape (2,)
#   action[0]: lift  # [-1, 1], 1.0 = 20 N. + = up.
#   action[1]: turn  # [-1, 1], 1.0 = 5 N m. + = left.
"""

SHORT_STUB = """class State:
    arm_velocity: float  # m/s. Vertical velocity of the arm; + = rising.
    arm_to_cup: np.ndarray  # shape (3,), m. Vector from the arm to the cup, world frame.

# action: np.ndarray  # shape (2,), each in [-1, 1]: lift, turn
"""

SOURCE = """import numpy as np


def compute_reward(state, action, next_state):
    return {
        "lower": -1.0 * next_state.arm_velocity,
        "effort": -0.01 * np.sum(np.square(action)),
    }
"""

LAYOUT = (("arm_height", ()), ("arm_velocity", ()), ("arm_to_cup", (3,)), ("cup_tilt", ()))

FINDINGS = (
    Finding(rule="unknown-field", message="state has no field 'speed'", fix="use arm_velocity", line=6),
    Finding(
        rule="constant-term",
        message="term 'alive' has the same value everywhere",
        severity="warning",
        source="probe",
    ),
)

REPORT = CheckReport(
    findings=FINDINGS[1:],
    fields=("arm_velocity",),
    terms=("lower", "effort"),
    alignment=Alignment(behaviours=34, reward=0.14, terms={"lower": 0.2, "effort": -0.41}),
)

FIRST = Brief(
    goal="lower the arm to the cup, gently & without tilting it {{ braces }} <tags>",
    environment="A one-armed lift above a table with a cup on it.",
    stub=STUB,
    short_stub=SHORT_STUB,
    fields=("arm_height", "arm_velocity", "arm_to_cup", "cup_tilt"),
    horizon=200,
    dt=0.05,
    seconds=10.0,
    layout=LAYOUT,
    action_size=2,
    training="A policy is trained on the reward from scratch, by PPO for 300,000 environment steps.",
)

LATER = Brief(
    **{
        **FIRST.__dict__,
        "examples": (Example("Close the lid.", "def compute_reward(state, action, next_state): ...\n", "Lid-v1"),),
        "attempts": (
            Attempt("001-b", SOURCE, "Success 3 of 8 episodes; fitness 0.41 m."),
            Attempt("001-a", SOURCE.replace("-1.0", "-2.0"), "Success 0 of 8 episodes; fitness 0.02 m."),
        ),
        "seen": "- arm_height: starts at 0.9; aimless 0.1 to 1.4",
        "analysis": "Causes:\n- the arm stops half way\n\nSuggestions:\n- pay for the distance to the cup",
        "ordered": "Best first:\n1. 4 episodes: `arm_velocity` is on average -0.200 m/s (others -1.20 m/s)\n2. ..."
        "\n\nMean reward per step of each behaviour, in the same order:\n"
        "001-b: agreement with the person -0.40 (-0.81 to +0.10, 32 pairs)\n"
        "  reward: 0.200, 1.20\n  It pays 2 more than 1.",
        "feedback": ("It looks hasty.\n\nPlease *slow down* near the cup!", "# and mind the handle"),
        "findings": ("[non-finite] NaN at rest: the norm was not guarded",),
        "meaning": "Lower the arm to within a centimetre of the cup, which must not tilt by more than 5 degrees.",
    }
)

SUMMARIES = (
    ("001-b", SOURCE, "Success 0 → 0.1 → 0.38. Term lower: mean -0.2 → 0.4, share 0.9."),
    ("001-a", SOURCE, "Success 0 throughout. Term lower: flat."),
)

HISTORY = tuple(Turn(number, f"Reading of iteration {number}.") for number in range(1, 7))

ENVIRONMENTS = {"Lift-v2": "a one-armed lift above a table", "Cart-v1": "a cart on a rail"}


def small(brief: Brief) -> Brief:
    return Brief(**{**brief.__dict__, "small": True})


GOAL_BRIEF = GoalBrief(
    "lower the arm", STUB, FIRST.environment, horizon=200, dt=0.05, training="PPO trains for 300,000 steps."
)

QUANTITIES = (
    Quantity(
        name="arm_height",
        unit="m",
        usual={when: 1.2 if when == "at some moment" else 1.0 for when in WHENS},
        more={when: (1.5, 1.8) if when == "at some moment" else (1.2, 1.5) for when in WHENS},
        less={when: () if when == "at some moment" else (0.5, 0.2) for when in WHENS},
        near=(0.0, 1.0),
        start=1.0,
        tolerance=0.1,
        drift=0.3,
        signed=False,
    ),
    Quantity(
        name="arm_velocity",
        unit="m/s",
        usual=dict.fromkeys(WHENS, 0.0),
        more=dict.fromkeys(WHENS, (0.4, 1.0)),
        less=dict.fromkeys(WHENS, (-0.4, -1.0)),
        near=(0.0,),
        start=0.0,
        tolerance=0.05,
        drift=None,
        signed=True,
    ),
    Quantity(
        name="arm_to_cup[2]",
        unit="m",
        usual=dict.fromkeys(WHENS, 0.1),
        more=dict.fromkeys(WHENS, ()),
        less=dict.fromkeys(WHENS, (0.01,)),
        near=(0.0,),
        start=0.4,
        tolerance=0.02,
        drift=0.1,
        signed=True,
    ),
)


def fill_in(
    model: ScriptedModel,
    check: MeasureCheck = lambda measures: (),
    quantities: Sequence[Quantity] = QUANTITIES,
    goal: str = GOAL_BRIEF.goal,
    unseen: Sequence[str] = (),
) -> Drafted:
    """Forms of the small model for "lower the arm"."""
    brief = replace(GOAL_BRIEF, stub=SHORT_STUB, goal=goal)
    return TaskDrafter(model, Prompts()).fill_in_forms(
        brief, quantities=quantities, may_end_early=True, check=check, unseen=unseen
    )

"""A dense reward that follows from a form: the first candidate of a small model.

A small model that says rightly what a goal means still writes rewards that are flat where a policy begins. So one
reward is made from its form: each wish pays from where aimless behaviour is to where the goal is.
"""

from __future__ import annotations

import re

from reward_synth.roles.measure_form import START, Form, Wish

TOLERANCES = 5.0
"""Closeness is paid on the scale of the start's distance, or of so many tolerances if that is more."""
REACH = 4.0
"""It is felt at a distance of this many such scales."""
MAIN = 2.0
"""The weight of what the goal says first; the rest is how."""
BEYOND = 1.5
"""More than is wanted pays up to this much; what is wanted pays 1."""
_HEAD = '''"""Made from the form in which the model said what the goal means: each term is one of its wishes."""

import numpy as np


def compute_reward(state, action, next_state):
'''


def form_reward(form: Form) -> str:
    """The source of a reward for a completed form; each wish is a term."""
    terms: dict[str, tuple[Wish, str]] = {}
    for wish in form.wishes:
        name = re.sub(r"\W+", "_", wish.quantity.name).strip("_")
        terms[name if name not in terms else f"{name}_{len(terms) + 1}"] = wish, _term(wish)
    lines = [
        line
        for name, (wish, code) in terms.items()
        for line in (f"# {wish.words()}", f'"{name}": {_weight(wish, form)}{code},')
    ]
    # Where an end is a failure, each step that is lived through pays, or a bad beginning is best ended soon.
    lines += ['"lasting": 1.0,'] if form.lasts else []
    lines.append('"effort": -0.01 * np.sum(np.square(action)),')
    return _HEAD + "    return {\n" + "".join(f"        {line}\n" for line in lines) + "    }\n"


def _weight(wish: Wish, form: Form) -> str:
    return f"{MAIN} * " if len(form.wishes) > 1 and wish in form.answers[0] else ""


def _term(wish: Wish) -> str:
    quantity = wish.quantity
    value = f"next_state.{quantity.name}"
    if wish.way == "near":
        wanted = f"{quantity.start if wish.other == START else wish.amount:g}"
        error = f"np.abs({value} - {f'next_state.{wish.other}' if wish.other not in ('', START) else wanted})"
        away = 0.0 if wish.other else abs(quantity.start - wish.amount)
        scale = max(away, TOLERANCES * wish.limit)
        # Felt from afar, steeper on the way, and paid in full only where the wish is fulfilled.
        far, half_way = f"max(0.0, 1.0 - {error} / {REACH * scale:.3g})", f"np.exp(-{error} / {scale / 2.0:.3g})"
        return f"({far} + {half_way} + np.exp(-(({error} / {wish.limit:.3g}) ** 2))) / 3.0"
    sign = 1.0 if wish.way == "more than" else -1.0
    usual = quantity.usual["on average"]
    span = sign * (wish.amount - usual)
    if span <= 0.0:
        # On average aimless behaviour is there already; the wish is about moments, or about all of them.
        span = 2.0 * TOLERANCES * quantity.tolerance
        usual = wish.amount - sign * span
    gained = f"{value} - {usual:g}" if sign > 0.0 else f"{usual:g} - {value}"
    return f"np.clip(({gained}) / {span:.3g}, -1.0, {BEYOND})"

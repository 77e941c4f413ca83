"""A dense reward that follows from a form: the first candidate of a small model.

A small model that says rightly what a goal means still writes rewards that are flat where a policy begins. So one
reward is made from its form: each wish pays from where aimless behaviour is to where the goal is.
"""

from __future__ import annotations

import re

from reward_synth.roles.measure_form import START, Form, Wish
from reward_synth.roles.statements import When
from reward_synth.state.fields import SWITCH_UNIT

TOLERANCES = 5.0
"""Closeness is paid on the scale of the start's distance, or of so many tolerances if that is more."""
REACH = 4.0
"""It is felt at a distance of this many such scales."""
MAIN = 2.0
"""The weight of what the goal says first; the rest is how."""
BEYOND = 1.5
"""More than is wanted pays up to this much; what is wanted pays 1."""
AGAIN: When = "again and again"
"""A robot that is there and stays there does not do it again: new progress pays, there and back in turn."""
WAY_SECONDS = 0.2
"""One way of a movement there and back pays as much as what is wanted all the time does in so many seconds ..."""
MARGIN = 0.25
"""... and leads past the wanted amount by this share of the way to it, since a policy trembles."""
_HEAD = '''"""Made from the form in which the model said what the goal means: each term is one of its wishes."""

import numpy as np
'''
_AGAIN = '''

def again(memory, name, share):
    """Pays new progress there, then back, and so on, in the first {steps} steps of a way less: that is trembling.

    share: how much of the way there is done.
    """
    back, best, steps = memory.get(name, (False, 0.0, {steps}))
    done = min(max(1.0 - share if back else share, 0.0), 1.0)
    paid = max(done - best, 0.0) * min(1.0, steps / {steps})
    memory[name] = (not back, 0.0, 0) if done >= 1.0 else (back, max(done, best), steps + 1)
    return {steps} * paid
'''


def form_reward(form: Form, dt: float) -> str:
    """The source of a reward for a completed form; each wish is a term.

    :param dt: seconds of an environment step.
    """
    terms: dict[str, tuple[Wish, str]] = {}
    for wish in form.wishes:
        name = re.sub(r"\W+", "_", wish.quantity.name).strip("_")
        terms[name if name not in terms else f"{name}_{len(terms) + 1}"] = wish, _term(wish)
    moves = any(wish.when == AGAIN for wish in form.wishes)
    kept = " * ".join(_bell(wish) for wish in form.wishes if wish.other == START) if moves else ""
    head, arguments, lines = _HEAD, "state, action, next_state", []
    if moves:
        head += _AGAIN.format(steps=max(1, round(WAY_SECONDS / dt)))
        arguments += ", memory"
    if kept:
        # A movement elsewhere is none of the goal.
        lines += ["# What moves pays at its place.", f"here = {kept}"]
    lines.append("return {")
    for name, (wish, code) in terms.items():
        paid = f'{"here * " if kept else ""}again(memory, "{name}", {code})' if wish.when == AGAIN else code
        lines += [f"    # {wish.words()}", f'    "{name}": {_weight(wish, form)}{paid},']
    # Where an end is a failure, each step that is lived through pays, or a bad beginning is best ended soon.
    lines += ['    "lasting": 1.0,'] if form.lasts else []
    lines += ['    "effort": -0.01 * np.sum(np.square(action)),', "}"]
    body = "".join(f"    {line}\n" for line in lines)
    return f"{head}\n\ndef compute_reward({arguments}):\n{body}"


def _weight(wish: Wish, form: Form) -> str:
    return f"{MAIN} * " if len(form.wishes) > 1 and wish in form.answers[0] else ""


def _bell(wish: Wish) -> str:
    """Code for 1 where a place is kept, and less elsewhere."""
    return f"np.exp(-(((next_state.{wish.quantity.name} - {wish.quantity.start:g}) / {2.0 * wish.limit:.3g}) ** 2))"


def _term(wish: Wish) -> str:
    """Code for what a step pays; of a movement there and back, how much of the way is done."""
    quantity = wish.quantity
    value = f"next_state.{quantity.name}"
    if wish.lifted_from:
        value += f" * (1.0 - next_state.{wish.lifted_from})"
    if wish.way == "near":
        return _closeness(wish, value)
    sign = 1.0 if wish.way == "more than" else -1.0
    if wish.when == AGAIN:
        if quantity.unit == SWITCH_UNIT:
            return value if sign > 0.0 else f"1.0 - {value}"
        way = sign * max(sign * (wish.amount - quantity.usual[wish.when]), quantity.tolerance)
        return f"({value} - {wish.amount - way:.4g}) / {(1.0 + MARGIN) * way:.3g}"
    usual = quantity.usual["on average"]
    span = sign * (wish.amount - usual)
    if span <= 0.0:
        # On average aimless behaviour is there already; the wish is about moments, or about all of them.
        span = 2.0 * TOLERANCES * quantity.tolerance
        usual = wish.amount - sign * span
    gained = f"{value} - {usual:g}" if sign > 0.0 else f"{usual:g} - {value}"
    return f"np.clip(({gained}) / {span:.3g}, -1.0, {BEYOND})"


def _closeness(wish: Wish, value: str) -> str:
    """Felt from afar, steeper on the way, and paid in full only where the wish is fulfilled."""
    wanted = f"{wish.quantity.start if wish.other == START else wish.amount:g}"
    error = f"np.abs({value} - {f'next_state.{wish.other}' if wish.other not in ('', START) else wanted})"
    away = 0.0 if wish.other else abs(wish.quantity.start - wish.amount)
    scale = max(away, TOLERANCES * wish.limit)
    far, half_way = f"max(0.0, 1.0 - {error} / {REACH * scale:.3g})", f"np.exp(-{error} / {scale / 2.0:.3g})"
    return f"({far} + {half_way} + np.exp(-(({error} / {wish.limit:.3g}) ** 2))) / 3.0"

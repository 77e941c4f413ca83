"""One bad and one good reward for each rule of the lint; the documentation shows them and a test lints them."""

from __future__ import annotations

from dataclasses import dataclass

from reward_synth.state.view import Layout

EXAMPLE_LAYOUT: Layout = (
    ("x_velocity", ()),
    ("height", ()),
    ("torso_pitch", ()),
    ("hand", (3,)),
    ("box", (3,)),
    ("target", (3,)),
    ("fingertips", (2, 3)),
)
"""The fields that the examples may read."""
EXAMPLE_ACTION_SIZE = 6


@dataclass(frozen=True)
class Example:
    """A reward that breaks a rule, and one that does the same within it."""

    bad: str
    good: str


def _body(text: str, head: str = "", parameters: str = "state, action, next_state") -> str:
    """A whole reward from the lines of its function."""
    lines = "\n".join(f"    {line}" if line else "" for line in text.strip("\n").split("\n"))
    numpy = "import numpy as np\n\n\n" if "np." in text or "np." in head else ""
    return f"{numpy}{head}{'' if not head else chr(10)}def compute_reward({parameters}):\n{lines}\n"


_FORWARD = 'return {"forward": next_state.x_velocity}'


def _pair(bad: str, good: str = _FORWARD) -> Example:
    return Example(_body(bad), _body(good))


_ON_HAND = 'return {"near": -float(np.sum(np.abs(hand)))}'

EXAMPLES: dict[str, Example] = {
    "syntax": _pair("Here is the reward:"),
    "too-large": _pair('return {"forward": ' + "(" * 61 + "next_state.x_velocity" + ")" * 61 + "}"),
    "hidden-character": _pair('vitesse_é = next_state.x_velocity\nreturn {"forward": vitesse_é}'),
    "no-function": Example(_body(_FORWARD).replace("compute_reward", "reward"), _body(_FORWARD)),
    "duplicate-function": Example(2 * _body(_FORWARD), _body(_FORWARD)),
    "wrong-signature": Example(_body(_FORWARD, parameters="obs, action, next_state"), _body(_FORWARD)),
    "module-level": Example(_body(_FORWARD, "for k in (1, 2):\n    SPEED = k\n\n"), _body(_FORWARD, "SPEED = 2\n\n")),
    "refused-syntax": _pair(
        'speed = next_state.x_velocity\nwhile speed > 1.0:\n    speed = 0.5 * speed\nreturn {"forward": speed}',
        'speed = next_state.x_velocity\nreturn {"forward": min(speed, 1.0)}',
    ),
    "refused-keyword": _pair(
        'np.clip(action, -0.5, 0.5, out=action)\nreturn {"effort": -float(np.sum(action**2)) * next_state.height}',
        'small = np.clip(action, -0.5, 0.5)\nreturn {"effort": -float(np.sum(small**2)) * next_state.height}',
    ),
    "refused-import": Example(_body(_FORWARD, "import random\n\n"), _body(_FORWARD, "import math\n\n")),
    "missing-import": Example(
        _body('return {"forward": math.tanh(next_state.x_velocity)}'),
        _body('return {"forward": math.tanh(next_state.x_velocity)}', "import math\n\n"),
    ),
    "refused-name": _pair(f"print(next_state.x_velocity)\n{_FORWARD}"),
    "unknown-name": _pair(
        'return {"forward": WEIGHT * next_state.x_velocity}', 'return {"forward": 2.0 * next_state.x_velocity}'
    ),
    "bare-field": _pair('return {"forward": x_velocity}'),
    "unknown-field": _pair('return {"forward": next_state.x_veloctiy}'),
    "judge-field": _pair('return {"done": 10.0 * next_state.success, "forward": next_state.x_velocity}'),
    "subscript-field": _pair('return {"forward": next_state["x_velocity"]}'),
    "state-indexed": _pair('return {"forward": next_state[0]}'),
    "scalar-indexed": _pair('return {"forward": next_state.x_velocity[0]}'),
    "index-out-of-range": _pair('return {"lift": next_state.hand[3]}', 'return {"lift": next_state.hand[2]}'),
    "unknown-attribute": _pair(
        'hand = next_state.hand\nreturn {"low": -float(hand.minimum())}',
        'hand = next_state.hand\nreturn {"low": -float(hand.min())}',
    ),
    "unknown-function": _pair(
        'return {"near": -float(np.norm(next_state.hand))}',
        'return {"near": -float(np.linalg.norm(next_state.hand))}',
    ),
    "writes-input": _pair(
        f"hand = next_state.hand\nhand -= next_state.box\n{_ON_HAND}",
        f"hand = next_state.hand - next_state.box\n{_ON_HAND}",
    ),
    "module-state": Example(
        _body('BEST["height"] = next_state.height\nreturn {"height": next_state.height}', 'BEST = {"height": 0.0}\n\n'),
        _body(
            'memory["height"] = next_state.height\nreturn {"height": next_state.height}',
            parameters="state, action, next_state, memory",
        ),
    ),
    "annotation": _pair(
        'speed: print("hello") = next_state.x_velocity\nreturn {"forward": speed}',
        'speed: float = next_state.x_velocity\nreturn {"forward": speed}',
    ),
    "default-value": Example(
        _body(
            'return {"speed": scaled(next_state.x_velocity)}',
            "def scaled(x, factors=[2.0]):\n    return factors[0] * x\n\n",
        ),
        _body(
            'return {"speed": scaled(next_state.x_velocity)}', "def scaled(x, factor=2.0):\n    return factor * x\n\n"
        ),
    ),
    "recursion": Example(
        _body(
            'return {"speed": halve(next_state.x_velocity)}',
            "def halve(x):\n    return x if x < 1.0 else halve(x / 2.0)\n\n",
        ),
        _body('return {"speed": halve(next_state.x_velocity)}', "def halve(x):\n    return x / 2.0\n\n"),
    ),
    "too-much-work": _pair(
        'total = 0.0\nfor k in range(10**8):\n    total += k * next_state.height\nreturn {"height": total}',
        'total = 0.0\nfor k in range(10):\n    total += k * next_state.height\nreturn {"height": total}',
    ),
    "no-return": _pair(
        'if next_state.height > 0.7:\n    return {"forward": next_state.x_velocity}',
        f'if next_state.height > 0.7:\n    {_FORWARD}\nreturn {{"forward": 0.0}}',
    ),
    "wrong-return": _pair("return 2.0 * next_state.x_velocity", 'return {"forward": 2.0 * next_state.x_velocity}'),
    "term-name": _pair('return {"forward speed": next_state.x_velocity}'),
    "total-term": _pair('speed = next_state.x_velocity\nreturn {"forward": speed, "total": speed}'),
    "duplicate-term": _pair(
        'return {"pose": next_state.height, "pose": -abs(next_state.torso_pitch)}',
        'return {"tall": next_state.height, "level": -abs(next_state.torso_pitch)}',
    ),
    "too-many-terms": _pair(
        "return {" + ", ".join(f'"t{k}": {k}.0 * next_state.height' for k in range(1, 18)) + "}",
        'return {"height": 17.0 * next_state.height}',
    ),
    "no-terms": _pair("speed = next_state.x_velocity\nreturn {}"),
    "not-finite": _pair('return {"speed": float("nan") * next_state.x_velocity}'),
    "may-be-undefined": _pair(
        'return {"speed": float(np.sqrt(next_state.x_velocity))}',
        'return {"speed": float(np.sqrt(np.maximum(next_state.x_velocity, 0.0)))}',
    ),
    "set-order": _pair(
        'total = sum(w * next_state.height for w in {0.1, 0.2})\nreturn {"height": total}',
        'total = sum(w * next_state.height for w in (0.1, 0.2))\nreturn {"height": total}',
    ),
    "bare-except": _pair(
        "try:\n    ratio = next_state.height / next_state.x_velocity\nexcept:\n    ratio = 0.0\n"
        'return {"ratio": ratio}',
        "try:\n    ratio = next_state.height / next_state.x_velocity\nexcept ZeroDivisionError:\n    ratio = 0.0\n"
        'return {"ratio": ratio}',
    ),
    "memory-key": Example(
        _body(
            'memory[0] = next_state.height\nreturn {"height": memory[0]}',
            parameters="state, action, next_state, memory",
        ),
        _body(
            'memory["height"] = next_state.height\nreturn {"height": memory["height"]}',
            parameters="state, action, next_state, memory",
        ),
    ),
    "memory-grows": Example(
        _body(
            'memory.setdefault("heights", []).append(next_state.height)\nreturn {"height": max(memory["heights"])}',
            parameters="state, action, next_state, memory",
        ),
        _body(
            'memory["height"] = max(memory.get("height", 0.0), next_state.height)\nreturn {"height": memory["height"]}',
            parameters="state, action, next_state, memory",
        ),
    ),
    "division-by-norm": _pair(
        'return {"ratio": next_state.height / np.linalg.norm(action)}',
        'return {"ratio": next_state.height / (np.linalg.norm(action) + 1e-6)}',
    ),
    "matrix-norm": _pair(
        'return {"near": -float(np.linalg.norm(next_state.fingertips - next_state.box))}',
        'return {"near": -float(np.mean(np.linalg.norm(next_state.fingertips - next_state.box, axis=1)))}',
    ),
    "no-state": _pair(
        'return {"effort": -0.1 * float(np.sum(action**2))}', 'return {"effort": -0.1 * next_state.height}'
    ),
}

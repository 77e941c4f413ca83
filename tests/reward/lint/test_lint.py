from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reward_synth.reward.lint import LintReport, lint
from reward_synth.reward.lint.rules import MAXIMUM_FINDINGS

LAYOUT = (
    ("x_velocity", ()),
    ("y_velocity", ()),
    ("height", ()),
    ("torso_pitch", ()),
    ("torso_pitch_velocity", ()),
    ("hand", (3,)),
    ("box", (3,)),
    ("target", (3,)),
    ("box_quaternion", (4,)),
    ("joints", (8,)),
)


def reward(*lines: str, head: str = "import numpy as np") -> str:
    body = "\n".join(f"    {line}" for line in lines)
    return f"{head}\n\ndef compute_reward(state, action, next_state):\n{body}\n"


def only(source: str, rule: str, **options: int) -> tuple[str, str, int | None]:
    """Message, fix and line of the one finding, which must be of this rule."""
    report = lint(source, LAYOUT, **options)  # type: ignore[arg-type]
    assert [finding.rule for finding in report.findings] == [rule]
    finding = report.findings[0]
    return finding.message, finding.fix, finding.line


BENIGN = {
    "components and weights": reward(
        "forward = SPEED * next_state.x_velocity",
        "alive = 1.0 if next_state.height > 0.7 and abs(next_state.torso_pitch) < 0.2 else 0.0",
        "return {'forward': forward, 'alive': alive, 'effort': -1e-3 * float(np.square(action).sum())}",
        head="import numpy as np\nSPEED = 1.5",
    ),
    "only math": reward(
        "effort = math.sqrt(sum(a * a for a in action))",
        "return {'tilt': math.cos(next_state.torso_pitch), 'effort': -0.01 * effort}",
        head="import math",
    ),
    "early return": reward(
        '"""Hop forward without falling."""',
        "height, angle = next_state.height, next_state.torso_pitch",
        "if height < 0.7 or abs(angle) > 0.2:",
        "    return {'fallen': -1.0}",
        "return {'velocity': next_state.x_velocity, 'alive': 1.0}",
    ),
    "quaternion helpers": (
        "import numpy as np\n"
        "def conjugate(q):\n    return np.array([q[0], -q[1], -q[2], -q[3]])\n"
        "def product(a, b):\n    w1, x1, y1, z1 = a\n    w2, x2, y2, z2 = b\n"
        "    return np.array([w1 * w2 - x1 * x2, w1 * x2 + x1 * w2, y1 * w2, z1 * w2])\n"
        "def compute_reward(state, action, next_state):\n"
        "    q = next_state.box_quaternion / (np.linalg.norm(next_state.box_quaternion) + 1e-8)\n"
        "    d = product(q, conjugate(np.array([1.0, 0.0, 0.0, 0.0])))\n"
        "    angle = 2.0 * np.arccos(np.clip(abs(d[0]), 0.0, 1.0))\n"
        "    return {'turn': float(np.exp(-angle))}\n"
    ),
    "staged manipulation in a built dict": reward(
        "reach = np.linalg.norm(next_state.hand - next_state.box)",
        "terms = {}",
        "terms['reach'] = 1.0 - np.tanh(5.0 * reach)",
        "terms['lift'] = min(max(next_state.box[2] - 0.02, 0.0), 0.2) * 5.0 if reach < 0.03 else 0.0",
        "return terms",
    ),
    "huber with a default": (
        "import numpy as np\n"
        "def huber(x, delta=1.0):\n    a = np.abs(x)\n"
        "    return np.where(a <= delta, 0.5 * a * a, delta * (a - 0.5 * delta))\n"
        "def compute_reward(state, action, next_state):\n"
        "    return {'place': float(-np.sum(huber(next_state.box - next_state.target, delta=0.1)))}\n"
    ),
    "unpacking and slices": reward(
        "x, y, *rest = next_state.joints[:6]",
        "even = np.sum(np.abs(action[::2]))",
        "return {'x': float(x + y), 'even': -0.01 * even, 'rest': -0.001 * sum(rest)}",
    ),
    "errstate": reward(
        "with np.errstate(divide='ignore', invalid='ignore'):",
        "    ratio = np.divide(next_state.hand, np.abs(next_state.box) + 1e-6)",
        "return {'ratio': float(np.tanh(np.nan_to_num(ratio).mean()))}",
    ),
    "try and except": reward(
        "try:",
        "    ratio = next_state.x_velocity / float(abs(action).sum())",
        "except ZeroDivisionError:",
        "    ratio = 0.0",
        "return {'ratio': max(-1.0, min(1.0, ratio))}",
        head="",
    ),
    "from imports": reward(
        "v = hypot(next_state.x_velocity, next_state.y_velocity)",
        "return {'speed': float(clip(v, 0.0, 3.0)), 'effort': exp(-float(norm(action)))}",
        head="from math import exp, hypot\nfrom numpy import clip\nfrom numpy.linalg import norm",
    ),
    "reductions": reward(
        "a = np.abs(action)",
        "spread = a.std() if a.size > 1 else 0.0",
        "ok = 1.0 if np.all(np.isfinite(next_state.joints)) else 0.0",
        "return {'ok': ok, 'spread': -spread, 'limit': float(np.any(a > 0.99)) + 0.1 * float(np.argmax(a) == 0)}",
    ),
    "interpolation and differences": reward(
        "v = np.concatenate([state.joints[:3], next_state.joints[:3]])",
        "shaped = np.interp(next_state.x_velocity, [0.0, 1.0, 3.0], [0.0, 0.5, 1.0])",
        "return {'shaped': float(shaped), 'rough': -0.01 * np.abs(np.diff(v)).sum()}",
    ),
    "annotations from the stub": (
        "from __future__ import annotations\nimport numpy as np\nfrom typing import Dict\n"
        "def compute_reward(state: State, action: np.ndarray, next_state: State) -> Dict[str, float]:\n"
        "    speed: float = next_state.x_velocity\n    return {'speed': speed}\n"
    ),
    "memory": (
        "def compute_reward(state, action, next_state, memory):\n"
        "    best = memory.get('best', 0.0)\n"
        "    memory['best'] = max(best, next_state.height)\n"
        "    return {'record': memory['best'] - best}\n"
    ),
    "views passed to helpers under other names": (
        "def lean(s):\n    return abs(s.torso_pitch)\n"
        "def compute_reward(state, action, next_state):\n"
        "    before, after = state, next_state\n"
        "    return {'lean': lean(before) - lean(after)}\n"
    ),
    "a dict made by a helper, a lambda, constants of arithmetic": (
        "import math\nLIMIT = 2 * math.pi / 3\n"
        "def terms(s):\n    squash = lambda x: math.tanh(x)\n    return {'speed': squash(s.x_velocity / LIMIT)}\n"
        "def compute_reward(state, action, next_state):\n    return terms(next_state)\n"
    ),
    "non-ASCII prose": reward("# keep |θ| below 10°", "return {'lean': -abs(next_state.torso_pitch)}"),
}


@pytest.mark.parametrize("name", BENIGN)
def test_ordinary_rewards_pass_without_a_finding(name: str) -> None:
    assert lint(BENIGN[name], LAYOUT, action_size=6).findings == ()


def test_the_fields_are_a_superset_in_the_order_of_the_layout() -> None:
    report = lint(BENIGN["early return"], LAYOUT)
    assert report.fields == ("x_velocity", "height", "torso_pitch")
    assert not report.uses_memory
    assert lint(BENIGN["memory"], LAYOUT).uses_memory


HOSTILE = {
    "shell": ("import os\n", "refused-import", "os"),
    "indirect import": ("from numpy.f2py import os\n", "refused-import", "numpy.f2py"),
    "module inside numpy": ("np.f2py.os.system('x')", "unknown-function", "np.f2py"),
    "file through numpy": ("np.loadtxt('/etc/passwd')", "unknown-function", "np.loadtxt"),
    "memory map": ("np.memmap('/etc/passwd')", "unknown-function", "np.memmap"),
    "random": ("np.random.rand()", "unknown-function", "np.random"),
    "builtin": ("open('/etc/passwd').read()", "refused-name", "open"),
    "builtin as a value": ("list(map(eval, ['1']))", "refused-name", "eval"),
    "getattr": ("getattr(state, 'x')", "refused-name", "getattr"),
    "dunder chain": ("().__class__.__base__", "unknown-attribute", "__base__"),
    "globals of a method": ("sum.__self__", "unknown-attribute", "__self__"),
    "base of a view": ("state.hand.base", "unknown-attribute", "base"),
    "buffer": ("state.hand.ctypes.data", "unknown-attribute", "data"),
    "formatting": ("'{0.x}'.format(state)", "unknown-attribute", "format"),
    "endless loop": ("while True:\n        pass", "refused-syntax", "while"),
    "class": ("class A:\n        pass", "refused-syntax", "class"),
    "walrus hides nothing": ("(e := exec)('1')", "refused-name", "exec"),
    "deletion": ("del state", "refused-syntax", "del"),
    "generator frame": ("(i for i in [1]).gi_frame", "unknown-attribute", "gi_frame"),
    "long loop": ("for i in range(10 ** 8):\n        pass", "too-much-work", "range"),
    "huge power": ("x = 10 ** 10 ** 10", "too-much-work", "exponent"),
    "huge list": ("x = [0.0] * (8 * 10 ** 8)", "too-much-work", "repeats"),
    "huge array": ("x = np.zeros((4000, 4000))", "too-much-work", "array"),
    "shift": ("x = 1 << 40", "refused-syntax", "shift"),
    "write into the state": ("state.hand[0] = 0.0", "writes-input", "state.hand"),
    "write into the action": ("action[0] = 0.0", "writes-input", "action"),
    "in-place on an alias": ("x = next_state.hand\n    x += 5.0", "writes-input", "x"),
    "setting a field": ("state.height = 1.0", "writes-input", "state.height"),
    "except as": ("try:\n        pass\n    except Exception as e:\n        pass", "refused-syntax", "as e"),
    "double star": ("dict(**{'a': 1})", "refused-syntax", "**"),
    "f-string of the state": ("x = f'{state}'", "state-indexed", "state"),
    "f-string with a width": ("x = f'{1.0:>999999999}'", "refused-syntax", "f-string"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_reward_does_not_need_is_refused(name: str) -> None:
    text, rule, word = HOSTILE[name]
    report = lint(reward(text, "return {'speed': next_state.x_velocity}"), LAYOUT)
    assert not report.ok
    assert any(f.rule == rule and word in f.message for f in report.findings), report.findings


def test_hidden_state_at_module_level_is_refused() -> None:
    for change in ("SEEN.append(1)", "SEEN[0] = 1"):
        source = reward(change, "return {'n': len(SEEN) * next_state.height}", head="SEEN = [0]")
        _, fix, line = only(source, "module-state")
        assert "memory" in fix
        assert line == 4
    source = reward("global N", "N = next_state.height", "return {'n': N}", head="N = 0")
    assert "memory" in only(source, "refused-syntax")[1]


def test_recursion_and_mutable_defaults_are_refused() -> None:
    helper = "def f(x):\n    return f(x - 1)"
    assert only(reward("return {'a': f(next_state.height)}", head=helper), "recursion")[2] == 2
    helper = "def f(x, seen=[]):\n    return x"
    only(reward("return {'a': f(next_state.height)}", head=helper), "default-value")


@pytest.mark.parametrize(
    ("expression", "rule", "message", "fix"),
    [
        ("next_state.x_veloctiy", "unknown-field", "did you mean `x_velocity`", "`next_state.x_velocity`"),
        ("next_state.torso_velocity", "unknown-field", "`torso_pitch_velocity`", "by `next_state."),
        ("next_state['height']", "subscript-field", "with a dot", "`next_state.height`"),
        ("next_state[0]", "state-indexed", "named fields", "`next_state.x_velocity`"),
        ("state.x_velocity[0]", "scalar-indexed", "one number", "by `state.x_velocity`"),
        ("state.height.mean()", "scalar-indexed", "no `.mean`", "`state.height` without `.mean`"),
        ("next_state.hand[3]", "index-out-of-range", "3 elements", "0 to 2"),
        ("action[6]", "index-out-of-range", "6 elements", "0 to 5"),
        ("next_state.height()", "unknown-attribute", "not a function", "`next_state.height`"),
        ("next_state.is_success", "judge-field", "belongs to the task", "next_state."),
        ("next_state.reward", "judge-field", "belongs to the task", "next_state."),
        ("info", "unknown-name", "not passed in", "next_state."),
        ("height", "bare-field", "not a variable", "`next_state.height`"),
        ("speeed", "unknown-name", "not defined", "define it"),
        ("np.linalg.nrm(action)", "unknown-function", "np.linalg.nrm", "norm"),
        ("np.norm(action)", "unknown-function", "np.norm", "`np.linalg.norm`"),
        ("math.exp(1.0)", "missing-import", "`math`", "`import math`"),
        ("memory.get('x', 0.0)", "unknown-name", "`memory`", "next_state, memory):"),
        ("action.summ()", "unknown-attribute", "`.summ`", "`.sum`"),
    ],
)
def test_mistakes_are_named_with_their_repair(expression: str, rule: str, message: str, fix: str) -> None:
    source = reward(f"value = {expression}", "return {'a': value, 'b': next_state.height}")
    got_message, got_fix, line = only(source, rule, action_size=6)
    assert message in got_message
    assert fix in got_fix
    assert line == 4


def test_a_missing_numpy_import_is_told_with_the_line_to_add() -> None:
    source = reward("return {'a': np.tanh(next_state.height)}", head="")
    assert only(source, "missing-import")[1] == "add `import numpy as np` as the first line"


def test_a_local_name_of_a_field_is_followed() -> None:
    only(reward("v = next_state.height", "return {'a': v[0]}"), "scalar-indexed")
    only(reward("s = next_state", "return {'a': s.heigth}"), "unknown-field")
    helper = "def f(now):\n    return now.heigth"
    only(reward("return {'a': f(next_state)}", head=helper), "unknown-field")


def test_a_fault_on_many_lines_is_one_finding() -> None:
    source = reward("a = state.heigth", "b = state.heigth", "return {'a': a, 'b': b + state.height}")
    message, _, line = only(source, "unknown-field")
    assert line == 4
    assert "also in line 5" in message


@pytest.mark.parametrize(
    ("lines", "fix"),
    [
        (
            ("total = speed + 0.5 * lean - effort", "return total"),
            '{"speed": speed, "lean": 0.5 * lean, "effort": -effort}',
        ),
        (("return speed - 0.1 * effort",), '{"speed": speed, "effort": -(0.1 * effort)}'),
        (("return speed, {'speed': speed}",), "return {'speed': speed}"),
        (("terms = {'speed': speed}", "return speed, terms"), "return terms"),
        (("return float(speed)",), 'return {"'),
        (("return speed",), '{"speed": speed}'),
        (("return [speed]",), 'return {"'),
        (("return None",), "return {"),
    ],
)  # fmt: skip
def test_a_wrong_return_is_answered_with_the_right_one(lines: tuple[str, ...], fix: str) -> None:
    head = ("speed = next_state.x_velocity", "lean = next_state.torso_pitch", "effort = np.sum(action ** 2)")
    got = only(reward(*head, *lines), "wrong-return")[1]
    assert fix in got


def test_names_of_terms() -> None:
    assert '"forward_speed"' in only(reward("return {'forward speed': state.height}"), "term-name")[1]
    only(reward("k = 'a'", "return {k: state.height}"), "term-name")
    for name in ("reward", "total", "total_reward"):
        only(reward(f"return {{'a': state.height, '{name}': state.height}}"), "total-term")
    only(reward("return {'a': state.height, 'a': 1.0}"), "duplicate-term")
    only(reward("return {}", "x = state.height"), "no-terms")
    many = ", ".join(f"'t{k}': state.height" for k in range(17))
    only(reward(f"return {{{many}}}"), "too-many-terms")


def test_the_entry_function_must_be_there_and_have_the_parameters() -> None:
    source = reward("return {'a': state.height}")
    renamed = source.replace("compute_reward", "reward_function")
    assert "def compute_reward(state, action, next_state):" in only(renamed, "no-function")[1]
    assert lint("x = 1\n", LAYOUT).findings[0].rule == "no-function"
    wrong = reward("return {'a': 1.0}").replace("state, action, next_state", "obs, action, next_obs, info")
    assert lint(wrong, LAYOUT).findings[0].rule == "wrong-signature"
    only(source + source.replace("import numpy as np\n", ""), "duplicate-function")


def test_a_path_without_a_return_is_found() -> None:
    only(reward("if state.height > 1.0:", "    return {'a': 1.0}"), "no-return")
    covered = reward("if state.height > 1.0:", "    return {'a': 1.0}", "else:", "    return {'a': 0.0}")
    assert lint(covered, LAYOUT).ok


def test_code_outside_of_functions_is_refused_by_its_lines() -> None:
    source = reward("return {'a': state.height}") + "\nif True:\n    x = 1\n"
    assert only(source, "module-level")[1] == "delete lines 6 to 7"


def test_division_by_a_norm_is_a_warning() -> None:
    for divisor in ("np.linalg.norm(action)", "n"):
        report = lint(reward("n = np.linalg.norm(action)", f"return {{'a': state.height / {divisor}}}"), LAYOUT)
        assert report.ok
        assert [f.rule for f in report.findings] == ["division-by-norm"]
        assert "+ 1e-6" in report.findings[0].fix


def test_prose_and_fences_around_the_code_are_told_as_such() -> None:
    code = reward("return {'a': state.height}")
    assert "```" in only(f"```python\n{code}```", "syntax")[1]
    assert "prose" in only(f"Here is the reward function\n{code}", "syntax")[1]


@pytest.mark.parametrize(
    "source",
    [
        "(" * 5000,
        "-" * 19_000 + "1",
        "x = " + "+".join("1" for _ in range(9000)),
        "x" + ".a" * 9000,
        "a" * 30_000,
        "\x00",
        "\ud800",
        "x = [" + "[" * 70 + "]" * 70 + "]",
        "def compute_reward(state, action, next_state):\n" + " return (" * 100,
        "if 1:\n" + "".join(" " * k + "if 1:\n" for k in range(1, 99)),
    ],
    ids=range(10),
)
def test_text_that_aims_at_the_lint_itself_gives_a_finding(source: str) -> None:
    report = lint(source, LAYOUT)
    assert not report.ok
    assert report.findings[0].rule in ("syntax", "too-large", "hidden-character")


FRAGMENTS = st.sampled_from(
    [
        *"(){}[]:,.=+-*/@_`", "**", ":=", "\n", "\n ", "\t", '"a"', "...", "1", "1e400", "é",
        "def", "compute_reward", "state", "action", "next_state", "return", "lambda", "for", "in", "if", "else",
        "while", "import", "numpy", "as", "np", "memory", "height", "hand", "not", "yield", "await", "match",
        "case", "class", "global", "try", "except", "with", "del",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=200), st.lists(FRAGMENTS, max_size=60).map(" ".join)))
def test_the_lint_never_raises(text: str) -> None:
    for source in (text, reward(text.replace("\n", "\n    "), "return {'a': 1.0}")):
        for entry in ("compute_reward", "success"):
            assert isinstance(lint(source, LAYOUT, entry), LintReport)  # type: ignore[arg-type]


def test_success_and_fitness_are_expressions_or_functions_over_the_episode() -> None:
    assert lint("episode.x_velocity[-1] < -1.0", LAYOUT, "success").findings == ()
    report = lint("float(np.mean(episode.height[1:])) / episode.seconds", LAYOUT, "fitness")
    assert report.findings == ()
    assert report.fields == ("height",)
    function = "def far(e):\n    return e.hand[:, 0] > 1.0\ndef success(episode):\n    return far(episode)\n"
    assert lint(function, LAYOUT, "success").findings == ()
    assert "did you mean `height`" in lint("episode.heigth[-1] > 1", LAYOUT, "success").findings[0].message
    assert lint("open('x')", LAYOUT, "success").findings[0].rule == "refused-name"
    assert lint("def fitness(e):\n    return 1.0\n", LAYOUT, "fitness").findings[0].rule == "wrong-signature"
    assert lint("x = 1\n", LAYOUT, "fitness").findings[0].rule == "no-function"


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("bool(np.linalg.norm(episode.hand - episode.box) < 0.1)", True),
        ("bool(np.linalg.norm(-episode.hand[-9:, :2]) < 0.1)", True),
        ("def success(episode):\n    gap = episode.hand - episode.box\n    return np.linalg.norm(gap) < 0.1\n", True),
        ("bool(np.linalg.norm(episode.hand[-1] - episode.box[-1]) < 0.1)", False),
        ("bool(np.linalg.norm(episode.hand - episode.box, axis=1)[-1] < 0.1)", False),
        ("bool(np.linalg.norm(episode.hand - episode.box, None, 1)[-1] < 0.1)", False),
        ("bool(np.linalg.norm(episode.hand[:, 2]) < 0.1)", False),
        ("bool(np.linalg.norm(episode.height) < 0.1)", False),
        ("bool(np.linalg.norm(episode.hand[np.argmax(episode.height)]) < 0.1)", False),
    ],
)
def test_a_norm_over_a_whole_episode_is_told(source: str, found: bool) -> None:
    findings = lint(source, LAYOUT, "success").findings
    assert [finding.rule for finding in findings] == ["matrix-norm"] * found
    assert all("axis=1" in finding.fix for finding in findings)


def test_findings_are_bounded() -> None:
    lines = [f"x{k} = missing_{k}" for k in range(60)]
    assert len(lint(reward(*lines, "return {'a': state.height}"), LAYOUT).findings) == MAXIMUM_FINDINGS


@pytest.mark.parametrize(
    ("body", "terms"),
    [
        ('return {"b": state.speed, "a": 1.0}', ("b", "a")),
        ("return dict(b=state.speed, a=1.0)", ("b", "a")),
        ('terms = {"b": state.speed}\n    terms["a"] = 1.0\n    return terms', ("b", "a")),
        ("return helper(state)", ()),
    ],
)
def test_the_report_has_the_terms_that_the_text_shows_in_its_order(body: str, terms: tuple[str, ...]) -> None:
    helper = "def helper(s):\n    return {'x': s.speed}\n\n\n"
    source = f"{helper}def compute_reward(state, action, next_state):\n    {body}\n"
    assert lint(source, (("speed", ()),)).terms == terms

from __future__ import annotations

import ast
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reward_synth.roles.lenient_json import extract_json
from reward_synth.roles.parsing import ParseError, extract_code

BODY = 'def compute_reward(state, action, next_state):\n    return {"speed": next_state.x_velocity}\n'
NUMPY = 'def compute_reward(state, action, next_state):\n    return {"speed": np.tanh(next_state.x_velocity)}\n'
FULL = f"import numpy as np\n\n\n{NUMPY}"

WRAPPINGS = {
    "python fence": f"```python\n{FULL}```",
    "py fence": f"```py\n{FULL}```",
    "no language": f"```\n{FULL}```",
    "capital language": f"```Python\n{FULL}```",
    "language with attributes": f'```python title="reward.py"\n{FULL}```',
    "tildes": f"~~~python\n{FULL}~~~",
    "four backticks": f"````python\n{FULL}````",
    "prose around": f"Sure! Here it is:\n\n```python\n{FULL}```\n\nThis rewards speed. Let me know!",
    "prose on the fence's line": f"Here is the code: ```python\n{FULL}```",
    "unclosed": f"Here:\n```python\n{FULL}",
    "unclosed with prose behind": f"```python\n{FULL}\nThis rewards the speed, as you asked.\n",
    "closing fence on the last code line": f"```python\n{FULL.rstrip()}```",
    "indented in a list": "1. The code:\n\n   ```python\n" + "".join(f"   {x}\n" for x in FULL.split("\n")) + "   ```",
    "windows newlines": f"```python\n{FULL}```".replace("\n", "\r\n"),
    "zero-width": f"\ufeff```python\n{FULL}```".replace("return", "\u200breturn"),
    "no-break spaces": f"```python\n{FULL}```".replace("    ", "\u00a0" * 4),
    "bare": FULL,
    "bare with prose": f"Here is the reward.\n\n{FULL}\nIt rewards speed.",
    "think tags": "<think>\nMaybe\n```python\ndef compute_reward(a, b, c):\n    return {}\n```\n</think>\n"
    f"```python\n{FULL}```",
    "think never opened": f"first I write def compute_reward(x) ...\n</think>\n```python\n{FULL}```",
    "think never closed": f"<think>\nLet me see.\n\n```python\n{FULL}```",
    "import outside the block": f"First `import numpy as np`\nthen\n```python\n{NUMPY}```",
    "import on a line of its own": f"import numpy as np\n\n```python\n{NUMPY}```",
    "import in a block of its own": f"```python\nimport numpy as np\n```\nand\n```python\n{NUMPY}```",
    "usage behind": f"```python\n{FULL}```\nUse it so:\n"
    "```python\nr = compute_reward(s, a, t)\nprint(sum(r.values()))\n```",
    "shell before": f"```bash\npip install numpy\n```\n```python\n{FULL}```",
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_code_is_found_however_wrapped(name: str) -> None:
    source = extract_code(WRAPPINGS[name])
    scope: dict[str, object] = {}
    exec(source, scope)
    compute = scope["compute_reward"]
    row = type("Row", (), {"x_velocity": 0.5})()
    assert compute(row, None, row) == {"speed": pytest.approx(0.46211715726)}  # type: ignore[operator]
    assert source.endswith("\n") and "```" not in source


def test_last_complete_definition_wins() -> None:
    better = BODY.replace("speed", "pace")
    assert extract_code(f"```python\n{BODY}```\nBetter:\n```python\n{better}```") == better
    assert (
        extract_code(f"```python\n{BODY}```\nOr:\n```python\ndef compute_reward(state, action, next_state):\n```")
        == BODY
    )


def test_helpers_and_constants_are_fetched_from_other_blocks() -> None:
    text = (
        "```python\nimport math\nSCALE = 2.0\nUNUSED = 1\n\ndef squash(x):\n    return math.tanh(x / SCALE)\n```\n"
        '```python\ndef compute_reward(state, action, next_state):\n    return {"a": squash(next_state.v)}\n```'
    )
    source = extract_code(text)
    scope: dict[str, object] = {}
    exec(source, scope)
    row = type("Row", (), {"v": 0.0})()
    assert scope["compute_reward"](row, None, row) == {"a": 0.0}  # type: ignore[operator]
    assert "UNUSED" not in source


def test_nothing_is_added_that_the_answer_does_not_hold() -> None:
    assert "import" not in extract_code(f"```python\n{NUMPY}```")


def test_cut_off_answer_is_returned_as_it_stands() -> None:
    source = extract_code("```python\ndef compute_reward(state, action, next_state):\n    x = next_state.")
    assert source.startswith("def compute_reward")
    with pytest.raises(SyntaxError):
        ast.parse(source)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("I cannot do that.", "no code"),
        ("```python\ndef reward(s):\n    return 1\n```", "compute_reward"),
        ("call compute_reward(state, action, next_state)", "no code"),
    ],
)
def test_no_code_is_an_error_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        extract_code(text)


def test_other_entry() -> None:
    assert "def success" in extract_code("```\ndef success(episode):\n    return True\n```", "success")


OBJECT = {"findings": [{"term": "speed", "line": 3, "ok": True}], "verdict": "revise", "note": None}
PLAIN = '{"findings": [{"term": "speed", "line": 3, "ok": true}], "verdict": "revise", "note": null}'
JSONS = {
    "plain": PLAIN,
    "fenced": f"```json\n{PLAIN}\n```",
    "in prose": f"The {{answer}} [1] is: {PLAIN}. Ok?",
    "trailing commas": '{"findings": [{"term": "speed", "line": 3, "ok": true,},], "verdict": "revise", "note": null,}',
    "comments": '{\n// the list\n"findings": [{"term": "speed", /* here */ "line": 3, "ok": true}], # yes\n'
    '"verdict": "revise", "note": null}',
    "single quotes": "{'findings': [{'term': 'speed', 'line': 3, 'ok': True}], 'verdict': 'revise', 'note': None}",
    "bare keys": '{findings: [{term: "speed", line: 3, ok: true}], verdict: "revise", note: null}',
    "cut off": '{"note": null, "verdict": "revise", "findings": [{"term": "speed", "line": 3, "ok": true',
    "think": '<think>{"findings": []}</think>' + PLAIN,
    "object behind a broken one": f'{{"findings": [], }} Better: {PLAIN}',
    "missing commas": '{"findings": [{"term": "speed" "line": 3 "ok": true}] "verdict": "revise" "note": null}',
}


@pytest.mark.parametrize("name", JSONS)
def test_json_is_read_however_written(name: str) -> None:
    assert extract_json(JSONS[name], keys=("findings",)) == OBJECT


def test_json_strings_keep_their_text() -> None:
    assert extract_json("{'a': 'it\\'s', 'b': 'don't', \"c\": \"x\\ny \\u00e9 # no comment\"}") == {
        "a": "it's",
        "b": "don't",
        "c": "x\ny é # no comment",
    }


def test_json_string_with_real_newline() -> None:
    assert extract_json('{"code": "def f():\n    return 1"}') == {"code": "def f():\n    return 1"}


def test_json_string_with_quotes_of_its_own() -> None:
    assert extract_json('{"note": "it pays for "speed" alone", "line": 3}') == {
        "note": 'it pays for "speed" alone',
        "line": 3,
    }
    assert extract_json('{"code": """def f():\n    return "x"\n""", "line": 3,}') == {
        "code": 'def f():\n    return "x"',  # A line end at the end of a repaired text is lost.
        "line": 3,
    }


@pytest.mark.parametrize("text", ["", "no json", "{}", "```json\n```", "{:}", "{01"])
def test_no_json_is_an_error(text: str) -> None:
    with pytest.raises(ParseError):
        extract_json(text)


def test_json_without_the_keys_is_an_error() -> None:
    with pytest.raises(ParseError, match="verdict"):
        extract_json('{"a": 1}', keys=("verdict",))


FRAGMENTS = st.one_of(
    st.sampled_from("`~<>{}[]()'\"\\:,#=-_ \n\t\r\x00\u200b\ufeff"),
    st.sampled_from(["```", "```python\n", "~~~", "<think>", "</think>", "''''", "\\u12", "/*", "//", "1e999", "null"]),
    st.sampled_from(
        ["def compute_reward(", "state, action, next_state):\n", "    return {", '"a": 1', "lambda", "class A:"]
    ),
    st.sampled_from(["import numpy as np", "success: ", "x = (", '"findings":', "Causes:\n- "]),
)


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.text(max_size=300), st.lists(FRAGMENTS, max_size=40).map("".join)))
def test_parsers_never_fail_otherwise(text: str) -> None:
    from reward_synth.roles.analyzer import parse_analysis
    from reward_synth.roles.critic import parse_review
    from reward_synth.roles.task_drafter import parse_choice, parse_measures

    for parse in (extract_code, extract_json, parse_review, parse_analysis, parse_measures):
        with contextlib.suppress(ParseError):
            parse(text)
    with contextlib.suppress(ParseError):
        parse_choice(text, ("Lift-v2", "Cart-v1"))


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=200).filter(lambda t: "`" not in t and "~" not in t and "<" not in t and "compute_reward" not in t)
)
def test_fenced_code_survives_any_prose(prose: str) -> None:
    assert "def compute_reward" in extract_code(f"{prose}\n```python\n{FULL}```\n{prose}")


@pytest.mark.parametrize(
    "text",
    [
        "{" * 100_000,
        "[" * 5_000,
        '["' * 20_000,
        "{a," * 20_000,
        "```" * 30_000,
        "(" * 50_000,
        "def compute_reward(" * 9_000,
    ],
)  # fmt: skip
def test_hostile_sizes_end_quickly(text: str) -> None:
    for parse in (extract_code, extract_json):
        with contextlib.suppress(ParseError):
            parse(text)

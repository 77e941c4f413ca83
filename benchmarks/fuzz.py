"""Throws broken, hostile and random input at the lint, or at the parent's end of the reward process.

    python benchmarks/fuzz.py --what lint --minutes 30 --seed 1
    python benchmarks/fuzz.py --what channel --minutes 30 --seed 1

`lint`: whatever the text, the lint answers within two seconds and does not raise; what it accepts, Python can write
out and read back as the same code. `channel`: whatever a process writes, `Channel` gives a validated answer or raises
one of its own errors, in time and without much memory. A counterexample is printed, written to a file, and makes the
exit code 1.
"""

from __future__ import annotations

import argparse
import ast
import json
import random
import sys
import tempfile
import time
import traceback
import tracemalloc
from collections.abc import Callable
from pathlib import Path

from recorded import recorded_rewards

from reward_synth.core.errors import RewardSynthError
from reward_synth.reward import frames
from reward_synth.reward.lint import lint
from reward_synth.sandbox import channel

ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / "docs"))
from generate_rules import EXAMPLES, LAYOUT  # noqa: E402 - the rewards that docs/reference/rules.md shows

SLOWEST_LINT = 2.0
DEADLINE = 0.2
GRACE = 2.0
"""Seconds that killing and waiting may take beyond the deadline, on a busy machine."""
MOST_MEMORY = 8 * channel.MAXIMUM_VALUES * 3
"""Bytes: the largest answer that is allowed, while it is put together."""

Case = tuple[str, str | None]
"""What was tried, and what is wrong with the outcome."""

# Texts for the lint

ODD = (
    "\x00", "\x0c", "\r", "\r\n", "\ufeff", "\u202e", "\ud800", "ｏｐｅｎ", "é", "\\", "\\\n", '"""', "'''", "#", "\t",
    "`", "$", "?", "0x", "1_", "1e999", "9" * 400, "0" * 50, "f'{", "}'", "f'{x!r:>{9}}'", "b''", "...", ":=", "->",
    "**", "//=", "<<", "lambda", "yield", "await", "async", "match", "case", "type", "global", "nonlocal", "class",
    "while", "with", "try:", "except*", "del", "# coding: utf-7", "\N{GREEK SMALL LETTER THETA}",
)  # fmt: skip
ATOMS = (
    "1", "2.5", "0", "-1", "state", "next_state.hand", "next_state.height", "action", "memory", "x", "y", "np.pi",
    "[]", "{}", "()", "'a'", "None", "True", "float('nan')", "range(9)", "len(x)", "next_state", "np.inf",
)  # fmt: skip
FORMS = (
    "({0} + {1})", "({0} * {1})", "({0} ** {1})", "({0} / {1})", "({0} % {1})", "({0} @ {1})", "-{0}", "not {0}",
    "{0}[{1}]", "{0}[:, None]", "{0}[{1}:]", "[{0}, {1}]", "({0}, {1})", "{{'a': {0}, 'b': {1}}}", "{{{0}, {1}}}",
    "({0} if {1} else {0})", "[{0} for x in {1}]", "sum({0} for x in {1})", "(lambda x: {0})({1})", "np.sum({0})",
    "np.where({0}, {1}, {0})", "np.clip({0}, {1}, {1})", "np.zeros({0})", "np.stack([{0}, {1}])",
    "np.einsum('ij,jk', {0}, {1})", "max({0}, {1})", "list({0})", "range({0}, {1})", "f({0})", "f(f, {0})",
    "{0}.sum()", "{0}.append({1})", "{0}.get({1}, {0})", "sorted({0}, key=lambda x: {1})", "map(f, {0})",
    "zip({0}, {1})", "dict(a={0})", "f'{{{0}}}'", "(x := {0})", "{0} < {1} < {0}", "np.linalg.norm({0})",
    "np.reshape({0}, {1})", "{0}.T", "{0}.shape[{1}]", "int({0})", "round({0}, {1})",
)  # fmt: skip
STATEMENTS = (
    "x = {0}", "x, y = {0}", "x, *y = {0}", "x += {0}", "x[{0}] = {1}", "memory['k'] = {0}",
    "for x in {0}:\n{body}", "if {0}:\n{body}\nelse:\n{body}", "try:\n{body}\nexcept ValueError:\n{body}",
    "with np.errstate(divide='ignore'):\n{body}", "def f(x, y=1.0):\n{body}\n    return {0}", "{0}",
    "return {{'a': {0}}}", "x: float = {0}", "break", "pass", "x = y = {0}",
)  # fmt: skip


def expression(chance: random.Random, depth: int) -> str:
    """A random expression."""
    if depth <= 0 or chance.random() < 0.25:
        return chance.choice(ATOMS)
    return chance.choice(FORMS).format(expression(chance, depth - 1), expression(chance, depth - 1))


def statement(chance: random.Random, depth: int) -> str:
    """A random statement, perhaps of several lines."""
    form = chance.choice(STATEMENTS)
    inner = "pass"
    if "{body}" in form and depth > 0:
        inner = "\n".join(statement(chance, depth - 1) for _ in range(chance.randint(1, 3)))
    body = "\n".join("    " + line for line in inner.split("\n"))
    return form.format(expression(chance, 3), expression(chance, 2), body=body)


def program(chance: random.Random) -> str:
    """A random module with a reward function."""
    lines = "\n".join(statement(chance, 3) for _ in range(chance.randint(1, 8))) + "\nreturn {'a': x}"
    body = "\n".join("    " + line for line in lines.split("\n"))
    memory = chance.choice(("", ", memory"))
    top = "".join(f"X = {expression(chance, 2)}\n" for _ in range(chance.randint(0, 2)))
    return f"import numpy as np\nimport math\n{top}\ndef compute_reward(state, action, next_state{memory}):\n{body}\n"


def seeds() -> list[str]:
    """Rewards, harmless snippets and attacks to start from."""
    found = [reward.source for reward in recorded_rewards()]
    for path in sorted((ROOT / "tests" / "containment").glob("*.jsonl")):
        found += [json.loads(line)["code"] for line in path.read_text(encoding="utf-8").splitlines()]
    return found + [text for example in EXAMPLES.examples.values() for text in (example.bad, example.good)]


def mutated_text(chance: random.Random, known: list[str]) -> str:
    """A seed with pieces cut out, doubled, or put in from elsewhere."""
    text = chance.choice(known)[:25_000]
    for _ in range(chance.randint(1, 6)):
        start = chance.randrange(len(text) + 1)
        end = min(len(text), start + chance.choice((0, 1, 3, 20, 200)))
        other = chance.choice(known)
        place = chance.randrange(len(other) + 1)
        piece = chance.choice(
            ("", chance.choice(ODD), text[start:end] * chance.choice((2, 5, 300)), other[place : place + 60], "(" * 70)
        )
        text = text[:start] + piece + text[end:]
    return text


def mutated_tree(chance: random.Random, known: list[str]) -> str:
    """A seed in which parts of the syntax tree have changed places."""
    try:
        tree = ast.parse(chance.choice(known))
        expressions = [node for node in ast.walk(tree) if isinstance(node, ast.expr)]
        for node in ast.walk(tree):
            for name, value in ast.iter_fields(node):
                if isinstance(value, ast.expr) and chance.random() < 0.05:
                    new = chance.choice(
                        (chance.choice(expressions), ast.parse(expression(chance, 3), mode="eval").body)
                    )
                    setattr(node, name, new)
                elif isinstance(value, list) and len(value) > 1 and chance.random() < 0.05:
                    chance.shuffle(value)
        return ast.unparse(ast.fix_missing_locations(tree))
    except (SyntaxError, ValueError, RecursionError, MemoryError, TypeError, IndexError):
        return program(chance)


def random_text(chance: random.Random) -> str:
    """Random characters."""
    if chance.random() < 0.5:
        data = bytes(chance.randrange(256) for _ in range(chance.randint(0, 400)))
        return data.decode(chance.choice(("utf-8", "latin-1")), errors="surrogateescape")
    return "".join(chance.choice((*ODD, *ATOMS, " ", "\n", "\n    ", "(", ")", "[", "]", ":")) for _ in range(60))


def lint_case(chance: random.Random, known: list[str]) -> Case:
    """Lint one text."""
    make = chance.choice((program, random_text, lambda c: mutated_text(c, known), lambda c: mutated_tree(c, known)))
    source = make(chance)
    entry = chance.choice(("compute_reward", "compute_reward", "success", "fitness"))
    begun = time.process_time()  # not what other work on the machine takes
    try:
        report = lint(source, LAYOUT, entry, EXAMPLES.action_size)  # type: ignore[arg-type]
    except BaseException as error:
        if isinstance(error, KeyboardInterrupt):
            raise
        return source, f"the lint raised\n{traceback.format_exc()}"
    spent = time.process_time() - begun
    if spent > SLOWEST_LINT:
        return source, f"the lint took {spent:.1f} s"
    return source, None if not report.ok else unreadable(source, entry)


def unreadable(source: str, entry: str) -> str | None:
    """What is wrong if accepted code cannot be written out and read back."""
    try:
        tree: ast.AST = ast.parse(source.strip(), mode="eval") if entry != "compute_reward" else ast.parse(source)
    except SyntaxError:
        tree = ast.parse(source)
    mode = "eval" if isinstance(tree, ast.Expression) else "exec"
    again = ast.parse(ast.unparse(tree), mode=mode)
    return None if ast.dump(tree) == ast.dump(again) else "accepted, but it is not read back as the same code"


# Frames for the channel

PROGRAM = """\
import os, sys, time
answers, requests = int(sys.argv[2]), int(sys.argv[1])
try:
    for number, steps in enumerate(STEPS):
        if number:
            os.read(requests, 65536)
        for step in steps:
            kind, value = step[0], step[1]
            if kind == "write":
                os.write(answers, value * step[2])
            elif kind == "drip":
                end = time.monotonic() + step[2]
                while time.monotonic() < end:
                    os.write(answers, value)
            elif kind == "sleep":
                time.sleep(value)
            elif kind == "signal":
                os.kill(os.getpid(), value)
            elif kind == "close":
                os.close(answers)
            else:
                os._exit(value)
except OSError:
    pass
time.sleep(5.0)
"""
READY = frames.ANSWER.pack(0, 0, len(b"seccomp"), 0) + b"seccomp"


def frame(chance: random.Random) -> bytes:
    """An answer frame, right or wrong."""
    text = bytes(chance.randrange(256) for _ in range(chance.choice((0, 1, 7, 300, 4096, 4097))))
    values = chance.randbytes(8 * chance.choice((0, 1, 16, 5000)))
    head = [chance.choice((0, 1, 2, 12, 13, 2**32 - 1)), chance.choice((0, 5, 2**32 - 1)), len(text), len(values) // 8]
    if chance.random() < 0.3:
        head[chance.randrange(4)] = chance.choice(
            (0, 1, 2**16, channel.MAXIMUM_VALUES, channel.MAXIMUM_VALUES + 1, 2**32 - 1)
        )
    whole = frames.ANSWER.pack(*head) + text + values
    if chance.random() < 0.3:
        whole = whole[: chance.randrange(len(whole) + 1)]
    return whole + (chance.randbytes(chance.choice((1, 16, 4000))) if chance.random() < 0.2 else b"")


def answer_steps(chance: random.Random) -> list[tuple[object, ...]]:
    """What the process does for one request."""
    steps: list[tuple[object, ...]] = []
    for _ in range(chance.randint(1, 3)):
        large = frames.ANSWER.pack(0, 0, 0, channel.MAXIMUM_VALUES)
        steps.append(
            chance.choice(
                (
                    ("write", frame(chance), 1),
                    ("write", frame(chance), 1),
                    ("write", chance.randbytes(chance.choice((1, 15, 16, 17, 60_000))), chance.choice((1, 500))),
                    ("write", large, 1),
                    ("drip", b"\0", chance.choice((0.1, 3.0))),
                    ("sleep", chance.choice((0.01, 0.2, 1.0))),
                    ("signal", chance.choice((6, 9, 11, 15, 24, 31, 34, 40, 64))),
                    ("close", 0),
                    ("exit", chance.choice((0, 1, 255))),
                )
            )
        )
    return steps


def channel_case(chance: random.Random, folder: Path) -> Case:
    """Run one process that answers at random."""
    first: list[tuple[object, ...]] = [("write", READY, 1)] if chance.random() < 0.9 else answer_steps(chance)
    script = f"STEPS = {[first, *(answer_steps(chance) for _ in range(3))]!r}\n{PROGRAM}"
    channel.PROGRAM = folder / "program.py"
    channel.PROGRAM.write_text(script, encoding="utf-8")
    channel.START_SECONDS = 1.0
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    wrong = None
    try:
        wrong = exchange()
    except RewardSynthError:
        pass
    except Exception:  # noqa: BLE001  (whatever comes out is the finding)
        wrong = f"it raised\n{traceback.format_exc()}"
    used = tracemalloc.get_traced_memory()[1] - before
    return script, wrong or (f"it took {used / 2**20:.0f} MiB" if used > MOST_MEMORY else None)


def exchange() -> str | None:
    """Ask three times, and say what is wrong with an outcome."""
    channel.set_protection(())  # the other end is a script that takes no lock
    opened = channel.Channel()
    try:
        for _ in range(3):
            begun = time.monotonic()
            answer = None
            try:
                answer = opened.ask(b"request", DEADLINE)
            except channel.ChildDied as death:
                if death.rule not in ("deadline", "died") or not death.message:
                    return f"it died of {death.rule!r}"
            if time.monotonic() - begun > DEADLINE + GRACE:
                return f"it took {time.monotonic() - begun:.1f} s with a deadline of {DEADLINE} s"
            if answer is not None and not is_valid(answer):
                return f"not a valid answer: {answer!r:.300}"
    finally:
        opened.close()
    return None


def is_valid(answer: channel.Answer) -> bool:
    """True if an answer keeps what its type promises."""
    printable = all(character.isprintable() or character == "\n" for character in answer.text)
    bounded = len(answer.text) <= frames.TEXT_LIMIT and len(answer.values) <= channel.MAXIMUM_VALUES
    return answer.status in frames.STATUSES and printable and bounded and answer.values.dtype == float


def main() -> None:
    """Fuzz until the time is up."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--what", choices=("lint", "channel"), default="lint")
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--most", type=int, default=5, help="stop after so many counterexamples")
    parser.add_argument("--out", type=Path, default=Path("fuzz-counterexamples.jsonl"))
    options = parser.parse_args()
    known = seeds()
    end = time.monotonic() + 60.0 * options.minutes
    number, failures = 0, []
    if options.what == "channel":
        tracemalloc.start()
    with tempfile.TemporaryDirectory() as folder:
        run: Callable[[random.Random], Case] = (
            (lambda chance: lint_case(chance, known))
            if options.what == "lint"
            else (lambda chance: channel_case(chance, Path(folder)))
        )
        while time.monotonic() < end and len(failures) < options.most:
            case, wrong = run(random.Random(f"{options.seed}/{number}"))
            if wrong is not None:
                failures.append(
                    {"what": options.what, "seed": options.seed, "case": number, "wrong": wrong, "input": case}
                )
                print(f"case {number}: {wrong}\n{case[:2000]}\n", flush=True)
            number += 1
    if failures:
        lines = "".join(json.dumps(failure) + "\n" for failure in failures)
        options.out.write_text(lines, encoding="utf-8")
    print(f"{options.what}: {number} cases with seed {options.seed}, {len(failures)} counterexamples")
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()

"""The rules of code that runs: what the probe asks, and what training and drafted measures may still run into."""

from __future__ import annotations

from reward_synth.core.rules import Rule, declare
from reward_synth.core.types import SPARSE_PREFIX, Severity


def _declared(*rows: tuple[str, Severity, str, str, str]) -> dict[str, Rule]:
    """From name, severity, question, what is found, and the fix where it is the same for every finding."""
    return {row[0]: declare("probe", *row) for row in rows}


CALLS = _declared(
    ("exception", "error", "Does a call raise an exception?", "An exception leaves the function.", ""),
    ("memory", "error", "Does a call ask for too much memory?", "The process may have 1 GiB.",
        "make no large arrays; a reward needs a few numbers only"),
    ("deadline", "error", "Does a call take too long?", "The code was still running when its time was up.", ""),
    ("died", "error", "Does the process end?", "It ended, was killed, or sent what is no answer.", ""),
    ("not-locked", "error", "Does the process say that no lock holds it?", "It must be locked before code runs.", ""),
    ("forbidden", "error", "Does a call try what the lock forbids?", "A file, a socket, a process.",
        "delete it: a reward computes numbers and cannot open files, sockets, processes or more memory"),
    ("syntax", "error", "Does Python refuse the file?", "It is not valid Python.", ""),
    ("no-function", "error", "Is the function missing?", "`compute_reward`, or a task's `success` or `fitness`.",
        "define `def compute_reward(state, action, next_state):` at the top level of the file"),
    ("wrong-signature", "error", "Are the parameters wrong?", "They are `state, action, next_state`, maybe `memory`.",
        "write `def compute_reward(state, action, next_state):` (or, to remember things within an episode, "
        "`def compute_reward(state, action, next_state, memory):`)"),
    ("wrong-return", "error", "Does a call return something else than a dict?", "Terms are returned with their names.",
        'return named terms, for example `return {"forward": forward, "effort": effort}`'),
    ("wrong-shape", "error", "Is a term an array?", "A term is one number.",
        "make it one number: pick an element, as in `x[0]`, or reduce it with `np.sum(x)`, `np.mean(x)` or "
        "`np.linalg.norm(x)`"),
    ("wrong-type", "error", "Is a term no number?", "A text, a list or nothing is none.", "make it a float"),
    ("no-terms", "error", "Is there no term at all?", "No call returned a term.", "return at least one named term"),
    ("term-name", "error", "Is the name of a term not plain?", "It is an identifier of at most 60 characters.",
        "use plain names such as `forward_velocity`"),
    ("too-many-terms", "error", "Are there more than 16 terms?", "Over all calls together.",
        "join terms that belong together"),
    ("not-finite", "error", "Is a term NaN or infinite?", "A warning, if only in states that were sampled.",
        "guard it: add 1e-6 to a denominator, use `np.sqrt(max(x, 0.0))`, `np.log(max(x, 1e-6))`, "
        "`np.arccos(np.clip(x, -1.0, 1.0))`, `np.exp(min(x, 20.0))`"),
    ("impure", "error", "Do the same transitions give other values?", "They are run twice, in another order.",
        "keep nothing outside of the function; within an episode use the parameter `memory`"),
    ("slow", "warning", "Is a call slower than the simulator?", "It takes longer than 0.5 ms.", "use fewer steps"),
)  # fmt: skip
"""Asked of every call on recorded and sampled transitions."""

TERMS = _declared(
    ("constant-reward", "error", "Is the reward always the same?", "All terms are, on all recorded transitions.",
        "let a term depend on fields that change, such as a velocity or a distance to the goal"),
    ("constant-term", "warning", "Is a term always the same?", "On all recorded transitions, and not 0.",
        "it teaches nothing, but to end episodes early or not where that can be: let it depend on the state, or delete "
        "it unless you want that"),
    ("dead-term", "warning", "Is a term always 0?", "On all recorded transitions.",
        "make its condition reachable, or make it a smooth function; leave it if it is for something rare"),
    ("too-large-term", "error", "Is a term too large to learn from?", "It exceeds 1e6.", "scale it to about 1"),
    ("doubled-term", "error", "Does a term count twice?", "It equals another one, or the sum of all others.", ""),
)  # fmt: skip
"""Asked of the values on recorded transitions."""

TASK = _declared(
    ("fixed-position", "warning", "Does it read a position that never changes?",
        "It is the same in all recorded episodes: no goal that differs from one to the next, whatever its name says.",
        "right for a landmark or a start; a goal that differs from episode to episode stands in another field"),
    ("no-sparse-term", "error", "Is success worth no more than a hint?",
        f"With `--scale sign`, no term's name begins with `{SPARSE_PREFIX}`.",
        f"name the term that is paid for reaching the goal `{SPARSE_PREFIX}_...`; 1 for success, -1 for heavy failure"),
)  # fmt: skip
"""Asked of a reward that runs, for its task."""

PROBE = CALLS | TERMS | TASK | _declared(
    ("new-term", "error", "Does a term appear that training does not know?", "The probe saw other names.",
        "return the same term names on every path; a term that does not apply is 0.0"),
    ("always-successful", "error", "Is a drafted success always true?", "In all scripted episodes, rest among them.",
        "ask for what only an episode that reaches the goal shows"),
    ("constant-fitness", "error", "Is a drafted fitness always the same?", "In all scripted episodes.",
        "return a number that rises as an episode comes nearer to the goal"),
)  # fmt: skip
"""All of them: the last ones are not asked by the probe, but of training and of a measure that a model drafted."""

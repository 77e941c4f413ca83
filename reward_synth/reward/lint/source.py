"""The lint's first look at a text: characters, size and depth, and then the parser."""

from __future__ import annotations

import ast
import io
import re
import tokenize
import unicodedata
import warnings

from reward_synth.core.syntax import parse
from reward_synth.reward.lint.rules import Findings
from reward_synth.reward.namespace import Entry, is_expression

LONGEST_SOURCE = 20_000
"""In bytes."""
DEEPEST_BRACKETS = 60
DEEPEST_TREE = 60
MOST_NODES = 4_000
_BIDIRECTIONAL = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that make a line look different from what Python reads."""
_CODING = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)", re.ASCII)


def parse_source(source: str, entry: Entry, findings: Findings) -> ast.Module | ast.Expression | None:
    """The syntax tree, or None and a finding."""
    if not _check_text(source, findings):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # For example, an invalid escape sequence is not a fault of a reward.
            expression = entry != "compute_reward" and is_expression(source)
            tree = parse(source.strip(), mode="eval") if expression else parse(source)
    except SyntaxError as error:
        _syntax_finding(source, error, findings)
        return None
    except (ValueError, RecursionError, MemoryError):
        findings.add("syntax", "the file cannot be read as Python", "write plain, short Python code")
        return None
    depth, nodes = _tree_size(tree)
    if depth > DEEPEST_TREE or nodes > MOST_NODES:
        findings.add("too-large", f"the code has {nodes} parts, nested {depth} deep", "write a shorter, plainer reward")
        return None
    return tree


def _check_text(source: str, findings: Findings) -> bool:
    size = len(source.encode("utf-8", errors="replace"))
    if size > LONGEST_SOURCE:
        findings.add("too-large", f"the file has {size} bytes", f"at most {LONGEST_SOURCE} are possible")
        return False
    if not _check_characters(source, findings):
        return False
    if _bracket_depth(source, findings) > DEEPEST_BRACKETS:
        findings.add("too-large", "brackets are nested too deeply", "use helper names for inner parts")
        return False
    return not findings


def _check_characters(source: str, findings: Findings) -> bool:
    """Refuse characters that an editor does not show. Letters of any language are fine in comments and texts."""
    for number, line in enumerate(source.replace("\r\n", "\n").split("\n"), 1):
        hidden = "" if line.isprintable() else next(filter(_is_unseen, line), "")
        if hidden:
            code = f"U+{ord(hidden):04X}"
            findings.add("hidden-character", f"the line holds the unseen character {code}", "delete it", number)
            return False
        coding = _CODING.match(line) if number <= 2 else None
        if coding and coding[1].lower().replace("_", "-") not in ("utf-8", "ascii", "utf8"):
            findings.add("hidden-character", f"the file says that it is `{coding[1]}`", "delete this line", number)
            return False
    return True


def _is_unseen(character: str) -> bool:
    return character in _BIDIRECTIONAL or (character != "\t" and unicodedata.category(character) in ("Cc", "Cs"))


def _bracket_depth(source: str, findings: Findings) -> int:
    """Deepest nesting of brackets outside of strings and comments, as far as the text can be split into tokens.

    It also reports names with letters beyond ASCII, because Python reads look-alikes of `open` as `open`.
    """
    depth = deepest = 0
    try:
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.OP:
                depth += (token.string in "([{") - (token.string in ")]}")
                deepest = max(deepest, depth)
            elif token.type == tokenize.NAME and not token.string.isascii():
                plain = unicodedata.normalize("NFKD", token.string).encode("ascii", "ignore").decode() or "name"
                message = f"the name `{token.string[:60]}` has letters beyond a to z"
                findings.add("hidden-character", message, f"call it `{plain[:60]}`", token.start[0])
    except (tokenize.TokenError, SyntaxError, ValueError):
        pass  # The text is incomplete: the depth up to there counts, and the parser explains the rest.
    return deepest


def _syntax_finding(source: str, error: SyntaxError, findings: Findings) -> None:
    lines = re.split(r"\r\n|\r|\n", source)
    line = error.lineno
    text = lines[line - 1].strip()[:120] if line and line <= len(lines) else ""
    fix = "write valid Python; nothing but code may stand in the file"
    if "```" in source:
        fix = "delete the lines with ```"
    elif text and error.msg == "invalid syntax" and text[0].isupper() and " " in text and "=" not in text:
        fix = "delete this line, or put # before it: it is prose, not code"
    shown = f", in `{text}`" if text else ""
    findings.add("syntax", f"{error.msg}{shown}", fix, line)


def _tree_size(tree: ast.AST) -> tuple[int, int]:
    """Depth and number of nodes, without recursion."""
    deepest = count = 0
    pending = [(tree, 1)]
    while pending:
        node, depth = pending.pop()
        deepest, count = max(deepest, depth), count + 1
        pending += [(child, depth + 1) for child in ast.iter_child_nodes(node)]
    return deepest, count

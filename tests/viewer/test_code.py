from __future__ import annotations

from reward_synth.core.types import Finding
from reward_synth.viewer.code import Change, Piece, difference, highlighted

SOURCE = 'def f():\n    """two\nlines"""\n    return {"speed": 1.0}  # speed\n'


def test_the_pieces_of_all_lines_are_the_source() -> None:
    for source in (SOURCE, "", "\n\n", "x = 1", "return 'unclosed\n\tx\n", "a = 'é'\r\nb\n"):
        text = "\n".join("".join(piece.text for piece in line.pieces) for line in highlighted(source))
        assert text.rstrip("\n") == source.replace("\r\n", "\n").rstrip("\n")


def test_terms_are_marked_where_the_code_names_them_and_not_in_comments() -> None:
    marked = [
        piece for line in highlighted(SOURCE, ["near", "speed"]) for piece in line.pieces if piece.term is not None
    ]
    assert marked == [Piece("speed", "string", 1)]


def test_findings_stand_at_their_lines() -> None:
    finding = Finding(rule="dead-term", message="always 0", line=4)
    lines = highlighted(SOURCE, [], [finding, finding.model_copy(update={"line": None})])
    assert [line.number for line in lines if line.findings] == [4]


def test_a_difference_is_in_signs_and_texts() -> None:
    assert difference("a\nb\n", "a\nc\n") == [
        Change("@", "@@ -1,2 +1,2 @@"), Change(" ", "a"), Change("-", "b"), Change("+", "c"),
    ]  # fmt: skip
    assert difference("a\n", "a\n") == []

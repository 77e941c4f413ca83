from __future__ import annotations

from reward_synth.core.nearest import did_you_mean, nearest, nearest_meaning


def test_the_best_comes_first_and_each_name_once() -> None:
    assert nearest("heigt", ["weight", "height", "x"], count=3) == ["height", "weight"]
    forms = {"gym/hopper": "gym/hopper", "hopper": "gym/hopper", "hoper_other": "gym/other"}
    assert nearest_meaning("hoper", forms, count=3) == ["gym/hopper", "gym/other"]


def test_what_is_not_alike_is_not_named() -> None:
    assert nearest("qqq", ["height"]) == []
    assert nearest("hei", ["height"], cutoff=0.9) == []
    assert nearest("hei", ["height"], cutoff=0.5) == ["height"]


def test_the_hint_quotes_the_names_or_says_something_else() -> None:
    assert did_you_mean(["a"]) == "did you mean a?"
    assert did_you_mean(["a", "b"], quote="`") == "did you mean `a` or `b`?"
    assert did_you_mean([], "there is: c") == "there is: c"
    assert did_you_mean([]) == ""

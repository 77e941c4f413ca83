from __future__ import annotations

import subprocess
import sys

import pytest

from reward_synth.preparation.forecast import price_of


@pytest.mark.parametrize(
    ("name", "base_url", "price"),
    [
        ("local", None, (0.0, 0.0)),
        ("local", "http://localhost:1/v1", (0.0, 0.0)),
        ("replay:runs/x/recording.jsonl", None, (0.0, 0.0)),
        ("manual", None, None),
        ("exec:claude -p", None, None),
        ("gpt-4o-mini", "http://localhost:1/v1", None),
        ("openai/m", "http://localhost:1/v1", None),
    ],
)
def test_a_price_is_known_or_not_without_litellm(name: str, base_url: str | None, price: object) -> None:
    code = (
        "import sys\nfrom reward_synth.preparation.forecast import price_of\n"
        f"assert price_of({name!r}, {base_url!r}) == {price!r}\nassert 'litellm' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_hosted_model_has_the_price_of_the_list() -> None:
    assert price_of("gpt-4o-mini", None) == (0.15e-6, 0.60e-6)

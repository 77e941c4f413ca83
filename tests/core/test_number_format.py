from __future__ import annotations

import pytest

from reward_synth.core.number_format import dollars, dollars_in_table, duration, short_number, short_percent, total


def test_a_sum_with_an_unknown_part_is_unknown() -> None:
    assert total([0.25, 0.5]) == 0.75
    assert total([0.25, None, 0.5]) is None
    assert total([]) == 0
    assert total(count for count in (1, 2)) == 3 and isinstance(total([1, 2]), int)


@pytest.mark.parametrize(("usd", "told", "in_table"), [
    (None, "price unknown", "unknown"), (0.0, "free", "$0.00"), (0.0012, "$0.0012", "$0.0012"),
    (0.38, "$0.38", "$0.3800"), (1234.5, "$1234.50", "$1,234.50"),
])  # fmt: skip
def test_dollars(usd: float | None, told: str, in_table: str) -> None:
    assert (dollars(usd), dollars_in_table(usd)) == (told, in_table)


def test_durations() -> None:
    assert [duration(s) for s in (None, 9.6, 185, 4200)] == ["?", "10 s", "3 min 05 s", "1 h 10 min"]
    assert duration(None, unknown="–") == "–"


def test_columns_leave_out_what_is_not_known() -> None:
    assert (short_number(None), short_number(1234.5)) == ("", "1.23e+03")
    assert (short_percent(None), short_percent(0.554)) == ("", "55%")

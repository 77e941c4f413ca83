"""The table of what predicts a trained reward: the figures that it is made of, and that the page tells what it says."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.predictor_scores import canonical, pearson, preference, tau_b
from benchmarks.predictors_table import (
    COMBINED,
    ORACLES,
    SCORES,
    Field,
    Ranked,
    ceiling,
    field_of,
    fields_of,
    ranked,
    saved,
    spearman,
    verdict,
    with_combined,
)
from reward_synth.screening.ranks import rank_correlation
from reward_synth.state.episode import Episode

PAGE = Path(__file__).parents[2] / "docs" / "measurements" / "predictors.md"
NAN = float("nan")


def made(fitness: np.ndarray, task: str = "t", **scores: np.ndarray) -> Field:
    """A task whose rewards trained to this fitness, once each."""
    count = len(fitness)
    zero = dict.fromkeys((*SCORES, *ORACLES, "chance"), np.zeros(count))
    names = tuple(str(n) for n in range(count))
    return Field(task, "gym", names, ("strong",) * count, fitness[:, None], fitness[:, None], zero | scores)


def several(noise: float) -> list[Field]:
    """Ten tasks whose trained fitness is told by `tac` with this much noise, and by nothing else."""
    generator = np.random.default_rng(1)
    fields = []
    for place in range(10):
        fitness = generator.normal(size=8)
        told = fitness + noise * generator.normal(size=8)
        fields.append(made(fitness, f"t{place}", tac=told, short=generator.normal(size=8)))
    return fields


def test_ties_share_their_rank_and_a_constant_orders_nothing() -> None:
    generator = np.random.default_rng(0)
    first, second = generator.integers(4, size=(2, 20, 9)).astype(float)
    expected = [rank_correlation(one, other) for one, other in zip(first, second, strict=True)]
    assert spearman(first, second) == pytest.approx(expected)
    assert spearman(np.ones(5), np.arange(5.0)) == 0.0


def test_a_score_that_tells_the_fitness_ranks_and_noise_does_not() -> None:
    fields = several(0.3)
    good, bad = (ranked(fields, name, 500) for name in ("tac", "short"))
    assert good is not None and bad is not None
    assert good.rho > 0.8 and good.low > 0.5 and good.chance < 0.01
    assert verdict(good) == "ranks" and verdict(bad) == "no better than chance"
    assert verdict(Ranked(9, 80, 0.3, 0.1, 0.5, 0.02)) == "ranks, or luck"
    assert verdict(Ranked(9, 80, -0.5, -0.7, -0.2, 0.001)) == "ranks the wrong way round"
    assert ranked(fields, "sound", 50) == Ranked(10, 80, 0.0, 0.0, 0.0, 1.0)


def test_what_an_order_saves() -> None:
    fields = several(0.0)
    right, chance = saved(fields, "tac", 0.0), saved(fields, "sound", 0.0)
    assert right.trainings == pytest.approx(2 / 9) and right.kept == right.best_kept == 1.0
    assert chance.trainings == pytest.approx(1.0, abs=0.1) and chance.best_kept == pytest.approx(0.5, abs=0.1)
    backward = [made(field.fitness, tac=-field.fitness) for field in fields]
    assert saved(backward, "tac", 0.0).trainings == pytest.approx(16 / 9)
    assert saved(backward, "tac", 0.0).best_kept == 0.0


def test_the_combination_never_saw_the_task_that_it_orders() -> None:
    fields = several(0.3)
    one = with_combined(fields)[0].scores[COMBINED]
    assert spearman(one, fields[0].fitness) > 0.6
    other = [made(-fields[0].fitness, tac=fields[0].scores["tac"], short=fields[0].scores["short"]), *fields[1:]]
    assert with_combined(other)[0].scores[COMBINED] == pytest.approx(one)


def test_only_trainings_of_one_series_are_compared() -> None:
    blank = dict.fromkeys((*SCORES, *ORACLES), "")
    about = {"task": "t", "simulator": "gym"} | blank
    rows = [about | {"candidate": f"strong-001-{n}", "seeds": "a b", "fitness": f"{n} {3 * n}"} for n in range(4)]
    rows.append(about | {"candidate": "strong-001-e", "seeds": "c", "fitness": "99"})
    rows[0] |= {"seeds": "a b c", "fitness": "0 0 7"}
    field = field_of([*rows, rows[3] | {"candidate": "strong-002-a"}])
    assert field.names == tuple(f"strong-001-{n}" for n in range(4))
    assert field.fitness == pytest.approx([0, 2, 4, 6])
    assert ceiling([field]) == [("t", 4, 1.0)]


def test_preference_is_of_a_success_above_a_failure() -> None:
    sums, fitness = np.array([3.0, 1.0, 2.0]), np.array([0.0, 1.0, 2.0])
    assert preference(sums, fitness, np.array([True, False, False])) == 1.0
    assert preference(sums, fitness, np.zeros(3, dtype=bool)) == pytest.approx(1 / 3)
    assert preference(sums, np.ones(3), np.zeros(3, dtype=bool)) is None


def test_tau_counts_pairs() -> None:
    assert tau_b(np.array([1.0, 2.0, 3.0]), np.array([1.0, 3.0, 2.0])) == pytest.approx(1 / 3)
    assert tau_b(np.ones(3), np.arange(3.0)) is None


def test_a_potential_changes_a_reward_and_not_its_canonical_form() -> None:
    generator = np.random.default_rng(0)
    place = (("place", (3,)),)
    episodes = [
        Episode(place, generator.normal(size=(41, 3)), np.zeros((40, 1)), dt=0.1, horizon=40, seed=n, terminated=False)
        for n in range(4)
    ]
    before, after = (np.concatenate([each.rows[part] for each in episodes]) for part in (slice(-1), slice(1, None)))
    native = np.sin(after[:, 0] * before[:, 1]) + 0.1 * generator.normal(size=160)
    shaped = 2.0 * native + 5.0 * (0.9 * after[:, 2] - before[:, 2]) + 1.0
    plain = pearson(shaped, native)
    assert plain is not None and plain < 0.5
    assert pearson(*canonical(shaped, native, episodes, 0.9)) == pytest.approx(1.0)


def test_the_page_tells_what_the_table_says() -> None:
    fields = fields_of()
    page = PAGE.read_text(encoding="utf-8")
    rewards = sum(len(field.names) for field in fields)
    assert f"{rewards} rewards" in page and f"{len(fields)} tasks" in page
    for name in (*SCORES, COMBINED, *ORACLES):
        found = ranked(fields, name, 1)
        assert found is not None and f"| `{name}` | {found.tasks}, {found.rewards} | {found.rho:+.2f} (" in page, name

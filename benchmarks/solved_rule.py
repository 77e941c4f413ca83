"""How often a policy of a known true share of successes is called "solved", exactly.

Episodes are added until Clopper and Pearson's bounds decide, and what passes is judged again in other episodes. Looking
repeatedly, and taking the best of many candidates, both make errors likelier than a single look's 5 %.

    python benchmarks/solved_rule.py [--threshold 0.9] [--episodes 8]
"""

from __future__ import annotations

import argparse
import math

from reward_synth.evaluation.select import MOST_EPISODES, is_decided, solves

SHARES = (0.7, 0.75, 0.8, 0.85, 0.9, 0.95, 1.0)


def passes(share: float, threshold: float, episodes: int) -> tuple[float, float]:
    """Probability that one sequential evaluation passes, and the mean number of its episodes."""
    alive, played, passed, spent = {0: 1.0}, 0, 0.0, 0.0
    count = episodes
    while True:
        new = count - played
        after: dict[int, float] = {}
        for successes, weight in alive.items():
            for more in range(new + 1):
                chance = math.comb(new, more) * share**more * (1.0 - share) ** (new - more)
                after[successes + more] = after.get(successes + more, 0.0) + weight * chance
        last = count >= MOST_EPISODES
        alive = {}
        for successes, weight in after.items():
            if last or is_decided(successes, count, threshold):
                spent += weight * count
                passed += weight * solves(successes, count, threshold)
            else:
                alive[successes] = weight
        if last or not alive:
            return passed, spent
        played, count = count, min(2 * count, MOST_EPISODES)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threshold", type=float, default=0.9)
    parser.add_argument("--episodes", type=int, default=8)
    chosen = parser.parse_args()
    print("true share  once   confirmed  best of 8: once  confirmed  episodes")
    for share in SHARES:
        once, episodes = passes(share, chosen.threshold, chosen.episodes)
        twice = once * once
        of_eight = [1.0 - (1.0 - each) ** 8 for each in (once, twice)]
        spent = episodes * (1.0 + once)
        print(f"{share:>10.0%}  {once:>5.1%}  {twice:>9.1%}  {of_eight[0]:>15.1%}  {of_eight[1]:>9.1%}  {spent:>8.0f}")


if __name__ == "__main__":
    main()

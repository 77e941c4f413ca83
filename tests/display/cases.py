"""A run as a display hears of it."""

from __future__ import annotations

from reward_synth.core.evaluation import SeedScore
from reward_synth.core.types import Candidate, EvaluationPoint, Finding
from reward_synth.display import Display
from reward_synth.events import model as events

POINT = EvaluationPoint(step=500, success=0.5, success_any=1.0, fitness=2.5, episode_length=100, reward=1.0)
CANDIDATE = Candidate(id="001-a", iteration=1, status="trained", success=0.5, success_interval=(0.2, 0.8), fitness=2.5)
SCORE = SeedScore(
    index=3, seed=7, status="trained", success=1.0, fitness=2.5, solved=True, steps=1000, seconds=41.0, cpu_seconds=40.0
)


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def play(display: Display, clock: Clock | None = None) -> None:
    display(events.RunStarted(run_dir="runs/20260101-0000-hop-abcd", goal="hop", task="gym/hop"))
    display(events.IterationStarted(number=1, total=3))
    display(events.StatusChanged(text="looking"))
    display(events.ModelAsked(role="designer", count=4))
    display(events.ModelCalled(role="designer", seconds=3.0, usd=0.25))
    rejected = CANDIDATE.model_copy(update={"status": "rejected", "reason": "bad \x1b[2Jcode"})
    finding = Finding(rule="dead-term", message="'x' is 0", line=3, severity="warning")
    display(events.CandidateChecked(candidate=rejected, findings=(finding,)))
    for step in (0, 250, 500):
        if clock is not None:
            clock.seconds += 30
        display(training("001-a", 0, step, 1000, POINT if step else None))
    display(events.RungDecided(number=1, rungs=3, share=0.1, kept=("001-a",), stopped=("001-b",)))
    display(events.CandidateTrained(candidate=CANDIDATE))
    display(training("001-a", 3, 250, 1000, None))
    display(events.SeedTrained(candidate="001-a", score=SCORE, done=4, total=5, seconds_left=80.0))
    display(events.BestChanged(candidate=CANDIDATE))
    display(events.IterationReflected(iteration=1, text="It *hops*.\n\n- more"))
    display(events.FeedbackAsked(iteration=1, request="runs/x/feedback/001.request.json"))
    display(events.Warned(text="careful"))
    with display.suspended():
        pass
    display(events.RunEnded(status="solved", best="001-a", reason="good"))
    display.close()
    display.close()


def training(
    candidate: str, seed: int, step: int, total: int, point: EvaluationPoint | None
) -> events.TrainingProgressed:
    return events.TrainingProgressed(candidate=candidate, seed=seed, step=step, total_steps=total, evaluation=point)

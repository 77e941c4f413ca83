"""The public Python API. The command line does all its work through it."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from reward_synth.api.lifecycle import Ask, Confirm, keep_warnings, work_on, worked
from reward_synth.core.agreement import Agreements
from reward_synth.core.errors import RewardSynthError
from reward_synth.core.evaluation import Evaluation
from reward_synth.core.feedback import Feedback
from reward_synth.core.names import LogName
from reward_synth.core.types import Candidate, TrainResult
from reward_synth.display import Display, Lasting
from reward_synth.events.bus import EventBus
from reward_synth.events.model import Warned
from reward_synth.settings.model import Settings
from reward_synth.settings.origins import Resolved
from reward_synth.settings.sources import load_settings, resumed_settings
from reward_synth.store import CostLine, RunInfo, RunStore, find_run
from reward_synth.store.journal import JournalListener
from reward_synth.store.manifest import now

if TYPE_CHECKING:
    from reward_synth.search.films import Which
    from reward_synth.tasks.spec import TaskSpec


class Run:
    """One search and its results: a view of its run folder, which is read again at each access."""

    def __init__(self, store: RunStore) -> None:
        self.store = store

    @classmethod
    def open(cls, path: str | Path, runs_dir: str | Path = "runs") -> Run:
        """The run in that folder.

        :param path: the folder; or ``latest``, a unique prefix or the last four characters of a run's name.
        :param runs_dir: where names are looked for.
        :raises RewardSynthError: there is no such run; the hint names the nearest.
        """
        return cls(RunStore.open(find_run(Path(runs_dir), path)))

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r}, status={self.status!r})"

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.store.path

    @property
    def id(self) -> str:
        """The run's name."""
        return self.store.id

    @property
    def info(self) -> RunInfo:
        """What ``run.json`` says."""
        return self.store.info

    @property
    def goal(self) -> str:
        """The goal as it was given."""
        return self.info.goal

    @property
    def status(self) -> str:
        """``solved``, ``unsolved`` or ``accepted`` once it is done; else ``running``, ``interrupted``, ``stopped``,
        ``failed`` or ``waiting``. ``interrupted``: ``run.json`` says ``running``, but no process works on the run.
        """
        info = self.info
        if info.status == "done":
            return info.outcome or "done"
        return "interrupted" if info.status == "running" and not self.store.is_locked() else info.status

    @property
    def settings(self) -> Settings:
        """The settings of the run."""
        return self.store.settings()

    @property
    def task(self) -> TaskSpec:
        """The frozen task spec; RewardSynthError if the run ended before one was chosen."""
        from reward_synth.tasks.spec import load_task

        if self.store.read_task() is None:
            raise RewardSynthError(
                f"{self.id} ended before its task was settled", f"reward-synth logs {self.store.argument}"
            )
        return load_task(self.store.task_path)

    @property
    def environment_id(self) -> str:
        """The environment of the frozen task, else of the settings, without a file path; empty if none is chosen."""
        from reward_synth.simulators.custom.files import bare_id

        return self.task.environment.id if self.store.read_task() is not None else bare_id(self.settings.env or "")

    @property
    def candidates(self) -> list[Candidate]:
        """Every reward that was designed, in order."""
        return self.store.candidates()

    def candidate(self, name: str) -> Candidate:
        """The candidate of that id, ``003-b``; RewardSynthError if there is none."""
        return self.store.candidate(name)

    @property
    def best(self) -> Candidate | None:
        """The best candidate by the task's own measure, or the one that the person accepted; None if none trained, or
        if its folder is damaged."""
        best = self.info.best
        return self.store.known(best) if best else None

    def results(self, candidate: str) -> list[TrainResult]:
        """A candidate's finished trainings, by seed index."""
        return self.store.results(candidate)

    def reward(self, candidate: str | None = None) -> str:
        """Source of a candidate's reward, as it ran; of the best one for None.

        ``task.training.scale`` says how its terms are combined: pass it to ``load_reward`` or ``RewardWrapper`` too.
        The file at :attr:`reward_path` names the scale itself.
        """
        return self.store.read_reward(candidate or self.best_id())

    @property
    def reward_path(self) -> Path:
        """The best reward's file; RewardSynthError if there is none yet."""
        self.best_id()
        return self.store.best_reward_path

    @property
    def costs(self) -> list[CostLine]:
        """Every model call with its cost."""
        return self.store.costs()

    @property
    def cost(self) -> float | None:
        """Dollars spent on model calls; None if any price is unknown."""
        return self.store.spent_usd()

    @property
    def seconds(self) -> float:
        """Wall time spent on the run, in seconds; it grows while a process works on the run."""
        info = self.info
        if info.working_since is None or not self.store.is_locked():
            return info.seconds
        return info.seconds + max(0.0, (now() - info.working_since).total_seconds())

    def answer(self, feedback: Feedback) -> Path:
        """Record a person's answer; its note enters the next prompt word for word. Returns the file written."""
        return self.store.write_answer(feedback.iteration, feedback)

    def judge(self) -> Agreements | None:
        """Bring up to date how well the trained rewards agree with the person's answers; None if no episode was judged.

        :raises RewardSynthError: the environment cannot be made, or this machine has no lock.
        """
        from reward_synth.evaluation.play import field_table
        from reward_synth.preferences.agreements import updated_agreements
        from reward_synth.sandbox.channel import protected

        with protected():
            return updated_agreements(self.store, self.task, field_table(self.task))

    def stop(self) -> None:
        """Ask the process that works on the run to stop."""
        self.store.request_stop()

    def edits(self, candidates: Sequence[str] | None = None) -> dict[str, str]:
        """A sentence for each candidate whose results come from an earlier version of its reward or task, by its id.

        :param candidates: those that are looked at; None looks at all.
        """
        from reward_synth.search.jobs import edits

        return edits(self.store, candidates)

    def export(self, candidate: str | None = None, *, train: bool = False) -> str:
        """One Python file with the reward and its ``gymnasium.Wrapper``, which runs without this package.

        :param train: the file also trains a policy on the reward, by stable-baselines3 alone, and judges it.
        """
        from reward_synth.api.exported import exported

        return exported(self.store, self.task, candidate or self.best_id(), train)

    def film(
        self,
        candidate: str | None = None,
        which: Sequence[Which] = ("best", "median"),
        *,
        episodes: int = 0,
        size: tuple[int, int] = (480, 360),
        fps: float = 25.0,
        folder: Path | None = None,
        unsafe_no_sandbox: bool = False,
    ) -> list[Path]:
        """Films of a candidate's recorded evaluation episodes, each with a JSON file of what its pictures show.

        :param candidate: its id; the best one for None.
        :param which: ``best``, ``median`` or ``worst`` by success, then fitness; ``checkpoints`` is one film through
            the training; ``attack`` is one of each episode that shows a finding of the attack on the reward.
        :param episodes: film so many of the episodes besides, evenly from the worst to the best.
        :param size: width and height, in pixels.
        :param fps: pictures a second, at most; films play in real time where a step is shorter than 0.2 s.
        :param folder: where to write them; the candidate's folder ``videos`` for None.
        :return: the mp4 files, in the order of ``which``, then by rank.
        :raises RewardSynthError: the candidate was not trained, or there is no picture of the environment.
        """
        from reward_synth.sandbox.channel import protected
        from reward_synth.search.films import film_candidate

        name, sandbox = candidate or self.best_id(), not unsafe_no_sandbox
        with protected(unsafe_no_sandbox):
            return film_candidate(
                self.store, self.task, name, which, episodes=episodes, size=size, fps=fps, folder=folder,
                sandbox=sandbox,
            )  # fmt: skip

    def evaluation(self, candidate: str | None = None) -> Evaluation | None:
        """The result of the final trainings of a candidate, of the best one for None; None before the first one."""
        return self.store.read_evaluation(candidate or self.best_id())

    def evaluate(
        self,
        candidate: str | None = None,
        seeds: int = 5,
        steps: int | None = None,
        *,
        jobs: int | None = None,
        executor: Literal["local", "ray"] | None = None,
        log: LogName | None = None,
        display: Display | None = None,
        unsafe_no_sandbox: bool = False,
    ) -> Evaluation:
        """Train a candidate's reward from scratch on fresh seeds, and judge the policies in episodes of their own.

        Finished seeds are not repeated: an interrupted call continues, and a higher ``seeds`` adds the rest.

        :param candidate: its id; the best one for None.
        :param seeds: the total number, including those that are done.
        :param steps: environment steps of each; None takes the run's budget.
        :param jobs: trainings side by side; None takes the run's setting.
        :param executor: where they run; None takes the run's setting.
        :param log: where their figures are written besides; None takes the run's setting.
        :return: not :attr:`~reward_synth.core.evaluation.Evaluation.done` if it was stopped (``reward-synth stop``).
        :raises RewardSynthError: there is no such candidate, it cannot be trained, earlier seeds had another budget, or
            another process works on the run.
        """
        from reward_synth.sandbox.channel import protected
        from reward_synth.search.final_evaluation import FinalTraining

        name, store, started = candidate or self.best_id(), self.store, time.monotonic()
        settings = self.settings
        where, kind = executor or settings.executor, log or settings.log
        training = FinalTraining(name, seeds, steps, jobs or settings.jobs, where, not unsafe_no_sandbox, kind)
        with store.lock(), protected(unsafe_no_sandbox):
            store.clear_stop()
            store.update(seconds=worked(store), working_since=None)
            try:
                bus = EventBus(JournalListener(store), keep_warnings(store), Lasting(display or Display()))
                for text in store.other_versions():
                    bus.emit(Warned(text=text))
                return training.run(store, bus.emit, store.stop_requested)
            finally:
                store.update(seconds=round(store.info.seconds + time.monotonic() - started, 1))

    def resume(self, *, ask: Ask | None = None, confirm: Confirm | None = None, **limits: Any) -> Run:
        """Continue the run; finished work is not repeated. Limits may be raised: ``iterations=5``.

        :raises RewardSynthError: another process works on the run, or a setting cannot change any more.
        """
        return self.resume_with(limits, flags=False, ask=ask, confirm=confirm)

    def resume_with(
        self, overrides: Mapping[str, Any], *, flags: bool, ask: Ask | None = None, confirm: Confirm | None = None
    ) -> Run:
        """Like :meth:`resume`; ``flags`` as in :func:`~reward_synth.settings.sources.load_settings`."""
        from reward_synth.methods.registry import refuse_ignored
        from reward_synth.preparation.prepare import check_learner

        stored = Resolved(self.store.settings(), self.store.origins())
        overrides = dict(overrides)
        self.name_environment(overrides.pop("env", None))
        resolved = resumed_settings(stored, overrides, flags=flags)
        refuse_ignored(resolved)
        check_learner(self.task if self.store.read_task() is not None else None, resolved.settings)
        with self.store.lock():
            self.store.write_settings(resolved.settings, resolved.origins)
            self._forget_stop()
            work_on(self.store, resolved.settings, ask, confirm)
        return self

    def name_environment(self, env: str | None) -> None:
        """Set the path of the run's environment file. None sets nothing: the file of a run is never searched for.

        A run does not store this path: the run may be somebody else's, and you should read its file before running it.

        :raises RewardSynthError: the run is about another environment.
        """
        from reward_synth.simulators.custom.files import bare_id, name_environment

        if env is None:
            return
        kept = self.environment_id
        if bare_id(env) != kept:
            raise RewardSynthError(
                f"--env {env}: this run is about the environment {kept}, which cannot change any more",
                "--env only says where the file of a run's own environment lies; start another run for another one",
            )
        name_environment(env)

    def _forget_stop(self) -> None:
        """Remove what stopped the run: the stop file, or an answer with the action ``stop``."""
        self.store.clear_stop()
        for iteration in {answer.iteration for answer in self.store.answers() if answer.action == "stop"}:
            latest = self.store.read_answer(iteration)
            if latest is not None and latest.action == "stop":
                self.store.write_answer(iteration, Feedback(iteration=iteration))

    def best_id(self) -> str:
        """Id of the best candidate; RewardSynthError if there is none yet."""
        best = self.info.best
        if best is None:
            raise RewardSynthError(
                f"{self.id} has no trained reward yet", f"reward-synth show {self.store.argument}", exit_code=1
            )
        return best


def synthesize(goal: str, *, ask: Ask | None = None, confirm: Confirm | None = None, **settings: Any) -> Run:
    """Search for a reward that achieves the goal, and train its policy.

    Settings are those of the command line with underscores (``time_limit="2h"``, ``models={"critic": "gpt-5"}``);
    ``docs/reference/settings.md`` lists them. Those not given come from the environment, ``.env`` and
    ``reward-synth.toml``.

    :param goal: what the robot should do, in a sentence.
    :param ask: shows a feedback request to the person, for ``feedback="ask"``; without it, the request waits in
        the run folder as with ``feedback="queue"``.
    :param confirm: says whether a drafted success measure is right; without it, only ``yes=True`` accepts one.
    :return: the run, whether or not it solved the task: see :attr:`Run.status`.
    :raises RewardSynthError: a setting, key, model, environment or disk cannot be used as it is.
    """
    return start(goal, load_settings(settings, flags=False), ask=ask, confirm=confirm)


def start(
    goal: str,
    resolved: Resolved,
    *,
    command: str = "",
    ask: Ask | None = None,
    confirm: Confirm | None = None,
    on_created: Callable[[Run], None] | None = None,
) -> Run:
    """Check what can be checked, make the run folder, search.

    :param on_created: called with the run as soon as its folder exists.
    :raises EnvironmentFault: the environment is broken. This is raised before a run folder is made or a model called.
    """
    from reward_synth.methods.registry import with_method
    from reward_synth.preparation.prepare import prepare, refuse_unnamed_file

    refuse_unnamed_file(resolved)
    resolved = with_method(resolved)
    prepared = prepare(goal, resolved.settings)
    run, settings = made(goal, resolved, prepared.spec if prepared is not None else None, command)
    if on_created is not None:
        on_created(run)
    with run.store.lock():
        work_on(run.store, settings, ask, confirm, prepared)
    return run


def made(goal: str, resolved: Resolved, task: TaskSpec | None, command: str) -> tuple[Run, Settings]:
    """Make the folder of a run. Returns the run, and its settings with the task's budget."""
    from reward_synth.preparation.prepare import starting_reward

    if task is not None:
        goal = goal.strip() or task.goal
        resolved = resolved.with_task_steps(task.training.steps, task.name)
    settings, name = resolved.settings, task.name if task else None
    own = starting_reward(settings)
    return Run(RunStore.create(settings.runs_dir, goal, settings, name, command, resolved.origins, own)), settings

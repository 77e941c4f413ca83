"""The public Python API: everything that the command line does, it does by calling this."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.types import Candidate, Evaluation, Feedback, RoleName, TrainResult
from reward_synth.display import Display, make_display
from reward_synth.settings.model import CONFIG_NAME, Resolved, Settings, load_settings, resumed_settings
from reward_synth.store import CostLine, RunInfo, RunStore, find_run

if TYPE_CHECKING:
    from reward_synth.preparation.preflight import Preflight
    from reward_synth.tasks.spec import TaskSpec

Ask = Callable[[dict[str, Any]], Feedback]
Confirm = Callable[["TaskSpec"], bool]


class Run:
    """One search and what it found; a view of its run folder that is read anew at each access."""

    def __init__(self, store: RunStore) -> None:
        self.store = store

    @classmethod
    def open(cls, path: str | Path, runs_dir: str | Path = "runs") -> Run:
        """The run in that folder.

        :param path: the folder; or ``latest``, a unique prefix or the last four characters of a run's name.
        :param runs_dir: where names are looked for.
        :raises RewardSynthError: there is none; the hint names the nearest.
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
        """Its name."""
        return self.store.id

    @property
    def info(self) -> RunInfo:
        """What ``run.json`` says."""
        return self.store.info

    @property
    def goal(self) -> str:
        """What was asked."""
        return self.info.goal

    @property
    def status(self) -> str:
        """``solved``, ``unsolved`` or ``accepted`` once it is done; else ``running``, ``interrupted``, ``stopped``,
        ``failed`` or ``waiting``. ``interrupted``: it says that it runs, yet no process works on it.
        """
        info = self.info
        if info.status == "done":
            return info.outcome or "done"
        return "interrupted" if info.status == "running" and not self.store.is_locked() else info.status

    @property
    def settings(self) -> Settings:
        """The settings that it runs with."""
        return self.store.settings()

    @property
    def task(self) -> TaskSpec:
        """The frozen task spec; RewardSynthError if the run ended before one was chosen."""
        from reward_synth.tasks.spec import load_task

        if self.store.read_task() is None:
            raise RewardSynthError(f"{self.id} ended before its task was settled", f"reward-synth logs {self.id}")
        return load_task(self.store.task_path)

    @property
    def candidates(self) -> list[Candidate]:
        """Every reward that was designed, in order."""
        return self.store.candidates()

    def candidate(self, name: str) -> Candidate:
        """The candidate of that id, ``003-b``; RewardSynthError if there is none."""
        return self.store.candidate(name)

    @property
    def best(self) -> Candidate | None:
        """The best candidate by the task's own measure, or the one that the person accepted; None if none trained."""
        best = self.info.best
        return self.store.candidate(best) if best else None

    def results(self, candidate: str) -> list[TrainResult]:
        """A candidate's finished trainings, by seed index."""
        found = (self.store.read_result(candidate, index) for index in range(self.settings.seeds))
        return [result for result in found if result is not None]

    def reward(self, candidate: str | None = None) -> str:
        """Source of a candidate's reward; of the best one for None."""
        return self.store.read_reward(candidate or self._best_id())

    @property
    def reward_path(self) -> Path:
        """The best reward's file; RewardSynthError if there is none yet."""
        self._best_id()
        return self.store.best_reward_path

    @property
    def costs(self) -> list[CostLine]:
        """Every model call."""
        return self.store.costs()

    @property
    def cost(self) -> float | None:
        """Dollars spent on model calls; None if any price is unknown."""
        return self.store.spent_usd()

    @property
    def seconds(self) -> float:
        """Wall time worked on it."""
        return self.info.seconds

    def answer(self, feedback: Feedback) -> Path:
        """Record what a person says; it enters the next prompt word for word. Returns the file written."""
        return self.store.write_answer(feedback.iteration, feedback)

    def stop(self) -> None:
        """Ask the process that works on it to stop."""
        self.store.request_stop()

    def export(self, candidate: str | None = None) -> str:
        """One Python file with the reward and its ``gymnasium.Wrapper``, which runs without this package."""
        from reward_synth.evaluation.play import field_table
        from reward_synth.export.standalone import export, exportable_simulator

        task = self.task
        environment = task.environment
        source = self.reward(candidate)
        exportable_simulator(environment.id)
        table = field_table(task).for_rewards()
        return export(source, environment.id, environment.arguments, task.horizon, table, goal=self.info.goal)

    def evaluation(self, candidate: str | None = None) -> Evaluation | None:
        """What final trainings said about a candidate, the best one for None; None before the first."""
        return self.store.read_evaluation(candidate or self._best_id())

    def evaluate(
        self,
        candidate: str | None = None,
        seeds: int = 5,
        steps: int | None = None,
        *,
        jobs: int | None = None,
        executor: Literal["local", "ray"] | None = None,
        display: Display | None = None,
        unsafe_no_sandbox: bool = False,
    ) -> Evaluation:
        """Train a candidate's reward from scratch on fresh seeds, and judge the policies in episodes of their own.

        Finished seeds are not repeated: a call that was interrupted goes on, and a higher ``seeds`` adds the rest.

        :param candidate: its id; the best one for None.
        :param seeds: how many there shall be, those that are done included.
        :param steps: environment steps of each; None takes the run's budget.
        :param jobs: trainings side by side; None takes the run's setting.
        :param executor: where they run; None takes the run's setting.
        :return: not :attr:`~reward_synth.core.types.Evaluation.done` if it was stopped (``reward-synth stop``).
        :raises RewardSynthError: no such candidate, one that cannot be trained, earlier seeds with another budget, or
            another process works on the run.
        """
        from reward_synth.sandbox.channel import protected
        from reward_synth.search.final_evaluation import FinalTraining

        name, store, started = candidate or self._best_id(), self.store, time.monotonic()
        training = FinalTraining(
            name,
            seeds,
            steps,
            jobs or self.settings.jobs,
            executor or self.settings.executor,
            not unsafe_no_sandbox,
        )
        with store.lock(), protected(unsafe_no_sandbox):
            store.clear_stop()
            try:
                return training.run(store, display or make_display("none"), store.stop_requested)
            finally:
                store.update(seconds=round(self.seconds + time.monotonic() - started, 1))

    def resume(
        self,
        *,
        ask: Ask | None = None,
        confirm: Confirm | None = None,
        **limits: Any,
    ) -> Run:
        """Do what is missing; finished work is not repeated. Limits may be raised: ``iterations=5``.

        :raises RewardSynthError: another process works on it, or a setting cannot change any more.
        """
        return self.resume_with(limits, flags=False, ask=ask, confirm=confirm)

    def resume_with(
        self,
        overrides: Mapping[str, Any],
        *,
        flags: bool,
        ask: Ask | None = None,
        confirm: Confirm | None = None,
        display: Display | None = None,
    ) -> Run:
        """As :meth:`resume`; ``flags`` as in :func:`~reward_synth.settings.model.load_settings`."""
        stored = Resolved(self.store.settings(), self.store.origins())
        overrides = dict(overrides)
        self.name_environment(overrides.pop("env", None))
        resolved = resumed_settings(stored, overrides, flags=flags)
        _check_learner(self.task if self.store.read_task() is not None else None, resolved.settings)
        with self.store.lock():
            self.store.write_settings(resolved.settings, resolved.origins)
            self._forget_stop()
            _search(self, resolved.settings, display or make_display(resolved.settings.display), ask, confirm)
        return self

    def name_environment(self, env: str | None) -> None:
        """Say where the file of the run's environment lies. None says nothing: no file of a run is sought by itself.

        A run keeps no path of it, and may be somebody else's, whose file should be read before it is run.

        :raises RewardSynthError: the run is about another environment.
        """
        from reward_synth.simulators.custom.files import bare_id, name_environment

        if env is None:
            return
        kept = self.task.environment.id if self.store.read_task() is not None else bare_id(self.settings.env or "")
        if bare_id(env) != kept:
            raise RewardSynthError(
                f"--env {env}: this run is about the environment {kept}, which cannot change any more",
                "--env only says where the file of a run's own environment lies; start another run for another one",
            )
        name_environment(env)

    def _forget_stop(self) -> None:
        """Whoever resumes a run takes back what stopped it: the stop file, or an answer that said so."""
        self.store.clear_stop()
        for iteration in {answer.iteration for answer in self.store.answers() if answer.action == "stop"}:
            latest = self.store.read_answer(iteration)
            if latest is not None and latest.action == "stop":
                self.store.write_answer(iteration, Feedback(iteration=iteration))

    def _best_id(self) -> str:
        best = self.info.best
        if best is None:
            raise RewardSynthError(
                f"{self.id} has no trained reward yet", f"reward-synth show {self.store.short_id}", exit_code=1
            )
        return best


UNSAFE = "NO SANDBOX (--unsafe-no-sandbox): generated code that escapes the lint has all your rights on this machine"


def synthesize(goal: str, *, ask: Ask | None = None, confirm: Confirm | None = None, **settings: Any) -> Run:
    """Search for a reward that makes the goal come true, and train its policy.

    Settings are those of the command line with underscores (``time_limit="2h"``, ``models={"critic": "gpt-5"}``);
    ``docs/settings.md`` lists them. Those not given come from the environment, ``.env`` and ``reward-synth.toml``.

    :param goal: what the robot shall do, in a sentence.
    :param ask: puts a feedback request before the person, for ``feedback="ask"``; without it, the request waits in
        the run folder as with ``feedback="queue"``.
    :param confirm: says whether a drafted success measure is right; without it, only ``yes=True`` accepts one.
    :return: the run, whether or not it solved the task: see :attr:`Run.status`.
    :raises RewardSynthError: a setting, key, model, environment or disk is not as it must be.
    """
    return start(goal, load_settings(settings, flags=False), ask=ask, confirm=confirm)


def start(
    goal: str,
    resolved: Resolved,
    *,
    command: str = "",
    ask: Ask | None = None,
    confirm: Confirm | None = None,
    display: Display | None = None,
    on_created: Callable[[Run], None] | None = None,
) -> Run:
    """Check what can be checked, make the run folder, search.

    :param on_created: told of the run before anything can interrupt it.
    :raises EnvironmentFault: the environment is broken: told before a run folder is made or a model asked.
    """
    _refuse_unnamed_file(resolved)
    task = check_prerequisites(goal, resolved.settings)
    tried = _try(goal, task, resolved.settings)
    if task is not None:
        goal = goal.strip() or task.goal
        resolved = resolved.with_task_steps(task.training.steps, task.name)
    settings = resolved.settings
    store = RunStore.create(settings.runs_dir, goal, settings, task.name if task else None, command, resolved.origins)
    run = Run(store)
    if on_created is not None:
        on_created(run)
    with store.lock():
        _search(run, settings, display or make_display(settings.display), ask, confirm, tried)
    return run


def _refuse_unnamed_file(resolved: Resolved) -> None:
    """A file with an environment is a program: a configuration file that lies about may not have it run."""
    from reward_synth.simulators.custom.files import is_file_id
    from reward_synth.tasks.spec import load_task

    settings = resolved.settings
    for name in ("env", "task"):
        if not resolved.origins[name].endswith((".env", CONFIG_NAME)):
            continue
        value = settings.env if name == "env" else settings.task
        if value and name == "task" and value.endswith((".yaml", ".yml")):
            value = load_task(value).environment.id
        if value and is_file_id(value):
            raise RewardSynthError(
                f"{resolved.origins[name]} would have the file {value.partition(':')[0]} run unseen",
                f"if you trust it, name it yourself: --{name} {settings.env if name == 'env' else settings.task}",
            )


def _try(goal: str, task: TaskSpec | None, settings: Settings) -> Preflight | None:
    """Try the task, or as much of it as is known before a model is asked: its environment, if that was named."""
    from reward_synth.preparation.preflight import preflight, try_environment
    from reward_synth.preparation.settle import blank_task
    from reward_synth.sandbox.channel import protected
    from reward_synth.simulators.custom.files import bare_id
    from reward_synth.training.presets import require_fitting

    with protected(settings.unsafe_no_sandbox):
        if task is not None:
            tried = preflight(task, sandbox=not settings.unsafe_no_sandbox)
            learner, discrete = settings.learner or task.training.learner, tried.inspector.table.discrete
            require_fitting(learner, discrete, task.environment.id)
            return tried
        if settings.env is not None:
            try_environment(blank_task(goal, bare_id(settings.env)), sandbox=not settings.unsafe_no_sandbox)
    return None


def check_prerequisites(goal: str, settings: Settings) -> TaskSpec | None:
    """Find what would stop the run before a folder is made: goal, task, environment, prompts, models and their keys.

    :return: the task spec if it is known already.
    :raises RewardSynthError: something is missing.
    """
    from reward_synth.sandbox.channel import protected
    from reward_synth.simulators.custom.files import name_environment
    from reward_synth.tasks.spec import load_task, match_task

    if not goal.strip() and settings.task is None:
        raise RewardSynthError("the goal is empty", 'say what the robot shall do: "make the hopper hop backwards"')
    task = load_task(settings.task, typed=True) if settings.task is not None else match_task(goal, settings.env)
    if settings.env is not None:
        _make(name_environment(settings.env), {}, None)
    if task is not None:
        _make(task.environment.id, task.environment.arguments, task.horizon, task.simulator)
    if settings.prompts is not None and not settings.prompts.is_dir():
        raise RewardSynthError(f"there is no folder {settings.prompts}", "--prompts takes a folder of templates")
    with protected(settings.unsafe_no_sandbox):
        pass  # Without a lock, nothing may be spent or written.
    _check_learner(task, settings)
    if settings.executor == "ray":
        from reward_synth.executors.ray.driver import require_ray

        require_ray()
    _check_models(settings)
    return task


def _make(env_id: str, arguments: dict[str, Any], horizon: int | None, simulator: str | None = None) -> None:
    """See that an environment can be made. A person's own is made where it can do no harm, when it is tried."""
    from reward_synth.simulators import get_simulator, simulator_of

    if ":" not in env_id:
        get_simulator(simulator or simulator_of(env_id)).make(env_id, arguments, horizon).close()


def _check_learner(task: TaskSpec | None, settings: Settings) -> None:
    """A preset of another learner, or a learner that is not installed, would show after the first model calls only."""
    from reward_synth.training.presets import preset_for, require_learner

    if task is not None:
        preset_for(task, settings.learner)
    elif settings.learner is not None:
        require_learner(settings.learner)


def _check_models(settings: Settings) -> None:
    from reward_synth.llm import open_model
    from reward_synth.llm.local import require_xllamacpp

    roles: tuple[RoleName, ...] = ("designer", "critic", "analyzer", "goal")
    names = {settings.model_for(role) or "local" for role in roles}
    if "local" in names:
        require_xllamacpp()
    # The embedded model's start (and download) belongs into the run, where the display shows it.
    for name in sorted(names - {"local", "manual"}):
        base_url = None if name.startswith("replay:") else settings.base_url
        open_model(name, base_url=base_url).close()
    if settings.budget is not None:
        _check_prices(names, settings.base_url)


def _check_prices(names: set[str], base_url: str | None) -> None:
    """A limit in dollars could never fire for a model without a price: refuse it before anything is spent."""
    for name in sorted(names):
        if name == "local" or name.startswith("replay:"):
            continue
        if name != "manual" and base_url is None:
            from reward_synth.llm.litellm import price_per_token

            if price_per_token(name) is not None:
                continue
        raise RewardSynthError(
            f"--budget cannot be kept: the price of {name} is unknown",
            "drop --budget, and limit the run with --iterations, --samples or --time-limit",
        )


def _search(
    run: Run,
    settings: Settings,
    display: Display,
    ask: Ask | None,
    confirm: Confirm | None,
    tried: Preflight | None = None,
) -> None:
    """Run the loop on a locked store, and write down how it ended, whatever ended it."""
    from reward_synth.report.data import write_report
    from reward_synth.sandbox.channel import protected
    from reward_synth.search.final_evaluation import train_best
    from reward_synth.search.loop import search

    store, info = run.store, run.info
    started = time.monotonic()

    def end(status: str, reason: str, **more: Any) -> None:
        seconds = info.seconds + time.monotonic() - started
        store.update(status=status, reason=reason, seconds=round(seconds, 1), **more)
        store.event("ended", status=status, reason=reason)
        if store.read_task() is not None:
            write_report(store)

    with store.logging() as log:
        store.update(status="running", reason="", outcome="")
        store.event("started", goal=info.goal)
        display.start(run.path, info.goal, info.task or "", settings)
        try:
            with protected(settings.unsafe_no_sandbox) as holds:
                store.update(sandbox=", ".join(holds))
                if settings.unsafe_no_sandbox:
                    log.warning(UNSAFE)
                    display.warning(UNSAFE)
                questions = (_paused(ask, display), _paused(confirm, display))
                outcome = search(store, info.goal, settings, display, *questions, tried)
                outcome = train_best(store, settings, display, outcome, started)
            task = {"task": run.task.name} if store.read_task() is not None else {}
            if outcome.status in ("stopped", "waiting"):
                end(outcome.status, outcome.reason, **task)
            else:
                end("done", outcome.reason, outcome=outcome.status, **task)
            display.done(outcome.status, outcome.best, outcome.reason)
        except KeyboardInterrupt:
            log.warning("interrupted")
            end("stopped", "interrupted")
            display.done("stopped", store.info.best, "interrupted")
            raise
        except RewardSynthError as error:
            if store.stop_requested():
                # It was asked while a model was being waited for, which then gives up waiting: no failure.
                end("stopped", "stop was requested")
                display.done("stopped", store.info.best, "stop was requested")
                return
            log.error("%s", error, exc_info=True)
            _end_if_possible(end, error.message)
            display.done("failed", None, "")
            raise
        except BaseException as error:
            log.exception("unexpected")
            _end_if_possible(end, f"{type(error).__name__}: {error}")
            display.done("failed", None, "")
            raise
        finally:
            display.close()


def _end_if_possible(end: Callable[[str, str], None], reason: str) -> None:
    """On a full disk the status cannot be written either; the first error is the one to tell."""
    try:
        end("failed", reason)
    except (RewardSynthError, OSError):
        return


def _paused(question: Callable[[Any], Any] | None, display: Display) -> Callable[[Any], Any] | None:
    """The question, asked while the display leaves the terminal alone."""
    if question is None:
        return None

    def asked(subject: Any) -> Any:
        display.pause()
        try:
            return question(subject)
        finally:
            display.unpause()

    return asked

"""Puts together what a search needs: models, roles, inspector, executor and limits, each built from the settings."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from reward_synth.core.types import RoleName
from reward_synth.display.base import Display
from reward_synth.executors.local import Executor, open_executor
from reward_synth.llm import default_model, open_model
from reward_synth.llm.base import Model, Reply, Request
from reward_synth.llm.ledger import Ledgered
from reward_synth.llm.replay import Recorder
from reward_synth.methods.refine import Refiner
from reward_synth.preparation.preflight import Preflight, preflight
from reward_synth.preparation.settle import Confirm, settle_task
from reward_synth.roles.analyzer import Analyzer
from reward_synth.roles.critic import Critic
from reward_synth.roles.designer import Designer
from reward_synth.roles.prompts import Prompts
from reward_synth.roles.task_drafter import GoalReader
from reward_synth.screening.checker import Inspector
from reward_synth.search.limits import StopRule, first_reason, spending_limit, stop_file, time_limit
from reward_synth.settings.model import Settings
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec, load_task, save_task


@dataclass(frozen=True)
class Parts:
    """The collaborators of one search. Close it: it holds the models and the executor."""

    store: RunStore
    settings: Settings
    display: Display
    task: TaskSpec
    inspector: Inspector
    designer: Designer
    refiner: Refiner
    analyzer: Analyzer
    executor: Executor
    models: ModelPool
    stop_rules: tuple[StopRule, ...]

    @classmethod
    def assemble(
        cls,
        store: RunStore,
        goal: str,
        settings: Settings,
        display: Display,
        confirm: Confirm | None,
        tried: Preflight | None = None,
    ) -> Parts:
        """Build everything; settles and freezes the task, or reads the frozen one of a resumed run.

        :param tried: the task, where it has been tried already; else it is tried now, before a reward is designed.
        :raises EnvironmentFault: the environment is broken.
        """
        started = time.monotonic()
        models = ModelPool(store, settings, display)
        try:
            if not store.prompts_dir.exists():
                store.freeze_prompts(Prompts(settings.prompts).files())
            prompts = Prompts(store.prompts_dir)
            if store.task_path.exists():
                task = load_task(store.task_path)
            else:
                reader = GoalReader(models.of("goal"), prompts)
                task = settle_task(goal, settings, reader, store, display, confirm)
                save_task(task, store.task_path)
            tried = preflight(task, sandbox=not settings.unsafe_no_sandbox) if tried is None else tried.for_task(task)
            for remark in tried.remarks:
                if remark.level == "warning":
                    display.warning(remark.message)
            inspector = tried.inspector
            designer = Designer(models.of("designer"), prompts, settings.temperature, settings.seed)
            critic = Critic(models.of("critic"), prompts) if _wants_critic(settings, models) else None
            return cls(
                store=store,
                settings=settings,
                display=display,
                task=task,
                inspector=inspector,
                designer=designer,
                refiner=Refiner(inspector, designer, critic, settings.repairs),
                analyzer=Analyzer(models.of("analyzer"), prompts),
                executor=open_executor(settings.executor, settings.jobs),
                models=models,
                stop_rules=(
                    stop_file(store.stop_requested),
                    time_limit(settings.time_limit, started),
                    spending_limit(settings.budget, store.spent_usd),
                ),
            )
        except BaseException:
            models.close()
            raise

    def reason_to_stop(self) -> str | None:
        """Why the search must end now, in words; None if it may go on."""
        return first_reason(self.stop_rules)

    def __enter__(self) -> Parts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.executor.close()
        finally:
            self.models.close()


def _runs_here(name: str) -> bool:
    return name in ("local", "manual") or name.startswith("replay:")


def _wants_critic(settings: Settings, models: ModelPool) -> bool:
    # A model of 1.5B parameters approves and objects by chance: it called "+2 * x_velocity" right for running
    # backwards. The screen, which measures what a critic would guess, then works alone.
    return not models.of("critic").small if settings.critic is None else settings.critic


class ModelPool:
    """Opens each model once, whichever roles use it, and books every call."""

    def __init__(self, store: RunStore, settings: Settings, display: Display) -> None:
        self._store = store
        self._settings = settings
        self._display = display
        self._open: dict[str, Model] = {}

    def of(self, role: RoleName) -> Model:
        """The model of a role, its calls logged in the run's ``costs.jsonl``."""
        name = self._settings.model_for(role)
        if name is None:
            name, reason = default_model()
            if not self._open:
                self._display.status(f"model {name}: {reason}")
        if name not in self._open:
            model = open_model(
                name,
                base_url=None if _runs_here(name) else self._settings.base_url,
                cache_dir=self._store.call_cache,
                manual_dir=self._store.path / "manual",
                announce=self._announce,
                stop=self._store.stop_requested,
                progress=DownloadProgress(self._display),
            )
            self._open[name] = Ledgered(Recorder(model, self._store.recording_path), self._book)
        return self._open[name]

    def _announce(self, waiting: list[tuple[Path, Path]]) -> None:
        names = ", ".join(prompt.name for prompt, _ in waiting)
        self._display.status(
            f"waiting in {waiting[0][0].parent} for answers to {names}: save each as {waiting[0][1].name} and so on"
        )

    def _book(self, request: Request, reply: Reply) -> None:
        self._store.cost(request, reply)
        self._display.model_done(request.role, reply.seconds, reply.usd)

    def close(self) -> None:
        """Close all models."""
        for model in self._open.values():
            model.close()
        self._open.clear()


class DownloadProgress:
    """Tells the display how a download goes: every few per cent, with the time left."""

    STEP = 0.05

    def __init__(self, display: Display) -> None:
        self._display = display
        self._started = time.monotonic()
        self._first: int | None = None
        self._next_share = 0.0

    def __call__(self, done: int, total: int) -> None:
        """``done`` of ``total`` bytes are there."""
        if self._first is None:
            self._first = done
        share = done / total if total else 1.0
        if share < self._next_share:
            return
        self._next_share = share + self.STEP
        seconds = time.monotonic() - self._started
        fetched = done - self._first
        left = f", about {(total - done) * seconds / fetched:.0f} s left" if fetched > 0 else ""
        self._display.status(f"fetching the model's weights: {share:.0%} of {total / 1e9:.1f} GB{left}")

"""The shared objects of a search: the task, the method, the roles, the executor and the stop rules."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Self

from reward_synth.core.agreement import Agreements
from reward_synth.core.types import Candidate
from reward_synth.core.waiting import told_if_long
from reward_synth.evaluation.select import best_candidate, is_solved
from reward_synth.events.bus import Emit
from reward_synth.events.model import StatusChanged, Warned
from reward_synth.executors.registry import open_executor
from reward_synth.methods.base import History, Tools
from reward_synth.methods.refine import Refiner
from reward_synth.methods.registry import METHODS, open_method
from reward_synth.preferences.episodes import REFERENCE, keep_reference_episodes
from reward_synth.preparation.preflight import PreparedTask
from reward_synth.preparation.prepare import known_task, prepare_spec
from reward_synth.preparation.settle import Confirm, draft_task
from reward_synth.roles.analyzer import Analyzer
from reward_synth.roles.critic import Critic
from reward_synth.roles.designer import Designer
from reward_synth.roles.prompts import Prompts
from reward_synth.roles.registry import open_role
from reward_synth.roles.task_drafter import TaskDrafter
from reward_synth.search.feedback import require_known
from reward_synth.search.filming import Filming
from reward_synth.search.models import ModelPool
from reward_synth.settings.model import Settings
from reward_synth.state import watchdog
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec, load_task, save_task
from reward_synth.training.presets import preset_for


class SearchSession:
    """The shared objects of one search. It must be closed, because it holds the models and the executor.

    :param prepared: the task, if it was tried before the run was made; otherwise it is made and tried here.
    :param confirm: shows a drafted success measure; None if nobody is there to accept it.
    :raises EnvironmentFault: the environment is broken.
    :raises Stopped: a limit applies while the task is drafted.
    """

    def __init__(
        self,
        store: RunStore,
        settings: Settings,
        emit: Emit,
        confirm: Confirm | None = None,
        prepared: PreparedTask | None = None,
    ) -> None:
        started = time.monotonic()
        self.store, self.settings, self.emit = store, settings, emit
        self.agreements: Agreements | None = store.read_agreements()
        """How well the rewards agree with the person's order of recorded episodes, as far as it was computed."""
        self.best: Candidate | None = best_candidate(store.candidates(), self.agreed)
        """The best candidate so far; kept here because training asks for it four times a second."""
        self.models = ModelPool(store, settings, emit, started)
        try:
            if not store.prompts_dir.exists():
                store.freeze_prompts(Prompts(settings.prompts).files())
            prompts = Prompts(store.prompts_dir)
            # A server's client takes a second to import, which passes while the environment is tried.
            self.models.of("designer")
            self.prepared = self._settled(prepared, prompts, confirm)
            if settings.step_limit is None:
                limit = watchdog.limit_for(self.prepared.slowest_step)
                self.settings = settings = settings.model_copy(update={"step_limit": limit})
            self.designer = open_role(Designer, self.models.of, prompts, settings)
            critic = open_role(Critic, self.models.of, prompts, settings) if self._wants_critic() else None
            self.refiner = Refiner(
                self.prepared.checker,
                self.designer,
                critic,
                settings.repairs,
                warn=lambda text: emit(Warned(text=text)),
                plan_seconds=settings.plan_seconds,
                discount=preset_for(self.prepared.spec, settings.learner).discount,
            )
            asked = "analyzer" in METHODS[settings.method].roles
            analyzer = open_role(Analyzer, self.models.of, prompts, settings) if asked else None
            self.method = open_method(Tools(settings, analyzer, prompts))
            self.executor = open_executor(settings.executor, settings.jobs, settings.log, store.path)
            self.films = Filming(store, settings, emit)
        except BaseException:
            self.models.close()
            raise

    def _settled(self, prepared: PreparedTask | None, prompts: Prompts, confirm: Confirm | None) -> PreparedTask:
        """Freeze the task in the run folder, and report what was noticed about it."""
        store, settings = self.store, self.settings
        if store.task_path.exists():
            spec = load_task(store.task_path)
        else:
            if prepared is not None:
                spec = prepared.spec
                named = f"task {spec.name} on {spec.environment.id}"
                meant = f"the goal means the task {spec.name} ({spec.environment.id})"
                self.emit(StatusChanged(text=named if settings.task is not None else meant))
            elif (found := known_task(store.info.goal, settings)) is not None:
                spec = found  # A resumed run that ended before its task was frozen.
            else:
                drafter = open_role(TaskDrafter, self.models.of, prompts, settings)
                spec = draft_task(store.info.goal, settings, drafter, store, self.emit, confirm)
            save_task(spec, store.task_path)
        store.update(task=spec.name)
        with told_if_long(lambda text: self.emit(StatusChanged(text=text))):
            prepared = prepare_spec(spec, settings) if prepared is None else prepared.with_spec(spec)
        for remark in prepared.remarks:
            if remark.level == "warning":
                self.emit(Warned(text=remark.message))
        return prepared

    def _wants_critic(self) -> bool:
        # A model of 1.5B parameters accepts and rejects by chance: it accepted "+2 * x_velocity" for running backwards.
        # Without it, the screen works alone, which measures what such a critic would only guess.
        wanted = self.settings.critic
        return not self.models.of("critic").small if wanted is None else wanted

    @property
    def task(self) -> TaskSpec:
        """The frozen task."""
        return self.prepared.spec

    @property
    def solved(self) -> bool:
        """True if the best candidate solves the task."""
        return is_solved(self.best, self.task)

    @property
    def agreed(self) -> Mapping[str, float]:
        """The agreement by which the best candidate is chosen, by candidate; empty if the measure chooses."""
        return self.agreements.values if self.agreements and self.settings.select == "person" else {}

    @property
    def chosen(self) -> bool:
        """True if who selects the best candidate could do so: a person's order must be known first."""
        return self.settings.select == "measure" or bool(self.agreed)

    @property
    def finished(self) -> bool:
        """True if the task is solved, and the search is not asked to continue anyway."""
        return self.solved and self.chosen and not self.settings.keep_going

    def reason_to_stop(self) -> str | None:
        """Why the search must end now, in words; None if it may continue."""
        return self.models.limits.reason()

    def require_known_answers(self) -> None:
        """Refuse answers of the person about what there is not. The episodes of scripts are kept once one is named.

        :raises RewardSynthError: an answer names what there is not.
        """
        if any(name.startswith(f"{REFERENCE}/") for answer in self.store.answers() for name in answer.episodes):
            keep_reference_episodes(self.store, self.prepared.reference_episodes)
        require_known(self.store)

    def history(self, iteration: int) -> History:
        """The run's history so far, for a decision in an iteration.

        :raises RewardSynthError: a person's answer names what there is not.
        """
        self.require_known_answers()
        store, candidates = self.store, tuple(self.store.candidates())
        designed = {candidate.iteration for candidate in candidates if candidate.designed_anew}
        return History(
            store=store,
            task=self.task,
            settings=self.settings,
            table=self.prepared.table,
            dt=self.prepared.reference_episodes.episodes[0].dt,
            small=self.designer.model.small,
            falls=self.prepared.trial.falls,
            unseen=self.prepared.unseen,
            seen=self.prepared.seen,
            iteration=iteration,
            candidates=candidates,
            readings={number: text for number, text in store.read_iterations().items() if number in designed},
            answers=store.answers(),
            agreed=self.agreed,
        )

    def __enter__(self) -> Self:
        self.films.want(self.store.candidates())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.films.close()
            self.executor.close()
        finally:
            self.models.close()

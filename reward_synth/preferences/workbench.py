"""The workbench: recorded episodes held in memory, on which rewards are paid and compared with a person's order."""

from __future__ import annotations

from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from reward_synth.core.agreement import Agreement
from reward_synth.core.arrays import FloatArray
from reward_synth.core.errors import RewardSynthError
from reward_synth.evaluation.play import field_table
from reward_synth.evaluation.scoring import measured_table
from reward_synth.preferences.alignment import Judgement, agreement, disagreeing_share
from reward_synth.preferences.episodes import MOST, StoredEpisode, ensure_reference_episodes, stored_episodes
from reward_synth.sandbox.channel import Channel
from reward_synth.screening.groups import Behaviours, Group
from reward_synth.screening.payment import Payment, pay_of
from reward_synth.state.table import FieldTable
from reward_synth.store import RunStore
from reward_synth.tasks.spec import TaskSpec, load_task

KEPT = 256
"""Payments that are kept, those of the latest texts: some kilobytes each. All rewards of a usual run must fit, because
they are compared anew whenever the person's order changes."""


@dataclass(frozen=True)
class Disagreement:
    """An episode that a reward ranks otherwise than the person."""

    episode: str
    share: float
    """Share of its compared pairs that the reward orders the other way round, 0 to 1."""
    pairs: int
    """Its compared pairs."""


class Workbench:
    """A run's recorded episodes, and what can be asked of them. Make one with :meth:`open`, and keep it.

    :param episodes: recorded with ``table``; at least one.
    :param ahead: start the locked process of the next text ahead, because that takes longer than running the reward. A
        page on which somebody types wants it; then :meth:`close` must be called.
    """

    def __init__(
        self,
        store: RunStore,
        task: TaskSpec,
        table: FieldTable,
        episodes: tuple[StoredEpisode, ...],
        ahead: bool = False,
    ) -> None:
        self.store, self.task, self.table, self.episodes = store, task, table, episodes
        self.recorded = {each.id: each.episode for each in episodes}
        self.ids = tuple(self.recorded)
        self._payments: OrderedDict[str, Payment] = OrderedDict()
        # Processes end with the thread that started them, so one thread starts and asks them all.
        self._payer = ThreadPoolExecutor(1, "payer") if ahead else None
        self._waiting: Channel | None = None
        if self._payer:
            self._payer.submit(self._start_ahead)

    @classmethod
    def open(
        cls, store: RunStore, most: int = MOST, *, table: FieldTable | None = None, ahead: bool = False
    ) -> Workbench:
        """Read a run's episodes. The first time, the reference episodes are recorded, which takes a second or two.

        :param most: episodes to read; those that the person has judged are read in any case.
        :param table: the environment's fields, if they are known; otherwise the environment is made to read them.
        :param ahead: see :class:`Workbench`.
        :raises RewardSynthError: the run has no task yet, its environment cannot be made, or a file was changed.
        """
        if not store.task_path.exists():
            raise RewardSynthError(f"{store.id} has no task yet", "wait until its task is settled")
        task = load_task(store.task_path)
        fields = table or field_table(task)
        ensure_reference_episodes(store, task, fields)
        judged = Judgement.of(store.answers()).ids
        episodes = stored_episodes(store, fields, most, judged)
        if not episodes:
            raise RewardSynthError(
                f"the episodes of {store.id} were recorded with other fields", "use the version that made the run"
            )
        return cls(store, task, fields, episodes, ahead)

    @cached_property
    def behaviours(self) -> Behaviours:
        """The episodes by behaviour: ``groups()``, ``split(group)`` and ``words(members, others)``."""
        measured = measured_table(self.task, self.table).for_rewards().names
        return Behaviours(self.recorded, self.table, measured)

    @cached_property
    def groups(self) -> tuple[Group, ...]:
        """The groups of all episodes, the largest first; forming them takes a part of a second."""
        return self.behaviours.groups()

    def ranks(self, judgement: Judgement) -> tuple[Group, ...]:
        """The ranks of a person's order as groups, in words against each other, as far as their episodes are here."""
        here = set(self.ids)
        known = [rank for each in judgement.order if (rank := tuple(name for name in each if name in here))]
        found = []
        for rank in known:
            others = [name for other in known if other is not rank for name in other]
            found.append(Group(rank[0], rank, self.behaviours.words(rank, others)))
        return tuple(found)

    def episode(self, name: str) -> StoredEpisode:
        """The episode of that id.

        :raises RewardSynthError: there is none.
        """
        if name not in self.ids:
            raise RewardSynthError(f"there is no episode '{name}' here", f"they are named like {self.ids[0]}")
        return self.episodes[self.ids.index(name)]

    def judgement(self) -> Judgement:
        """What the person has said in this run so far, read anew."""
        return Judgement.of(self.store.answers())

    def pay(self, source: str) -> Payment:
        """What a reward's text pays on all episodes. The latest texts are remembered. May be called from any thread.

        :raises RewardSynthError: no process can be started, or the text names an unknown scale.
        """
        if self._payer is None:
            return self._paid(source)
        paid = self._payer.submit(self._paid, source)
        # It is queued behind this payment, so it delays nothing.
        self._payer.submit(self._start_ahead)
        return paid.result()

    def _paid(self, source: str) -> Payment:
        if source not in self._payments:
            scale = self.task.training.scale
            self._payments[source] = pay_of(source, self.table, self.recorded, scale, self._take_waiting)
        self._payments.move_to_end(source)
        while len(self._payments) > KEPT:
            self._payments.popitem(last=False)
        return self._payments[source]

    def _start_ahead(self) -> None:
        if self._waiting is None:
            self._waiting = Channel()

    def _take_waiting(self) -> Channel | None:
        taken, self._waiting = self._waiting, None
        if taken is not None and not taken.is_running:
            taken.close()
            return None
        return taken

    def close(self) -> None:
        """End the process that waits. The workbench cannot be used afterwards if it starts processes ahead."""
        if self._payer is not None:
            self._payer.shutdown(cancel_futures=True)
        if (waiting := self._take_waiting()) is not None:
            waiting.close()

    def agreement(self, payment: Payment, judgement: Judgement) -> Agreement | None:
        """The trajectory alignment coefficient of a reward; None if it failed, or if nothing was compared."""
        return agreement(payment.pay, payment.ids, judgement) if payment.ok else None

    def disagreements(self, payment: Payment, judgement: Judgement) -> tuple[Disagreement, ...]:
        """Compared episodes, those first that the reward ranks otherwise than the person most."""
        if not payment.ok:
            return ()
        shares, pairs = disagreeing_share(payment.pay, payment.ids, judgement)
        found = [
            Disagreement(name, float(share), int(count))
            for name, share, count in zip(payment.ids, shares, pairs, strict=True)
            if count
        ]
        return tuple(sorted(found, key=lambda each: (-each.share, -each.pairs, each.episode)))

    def fitness_agreement(self, judgement: Judgement) -> Agreement | None:
        """How well the task's frozen fitness agrees with the person."""
        return self._measured([each.score.fitness for each in self.episodes], judgement)

    def success_agreement(self, judgement: Judgement) -> Agreement | None:
        """How well the task's success agrees with the person. Most pairs are alike, which makes it nearer to 0."""
        return self._measured([float(each.score.success) for each in self.episodes], judgement)

    def _measured(self, figures: list[float], judgement: Judgement) -> Agreement | None:
        return agreement(np.array(figures), self.ids, judgement, self._comparable)

    @cached_property
    def _comparable(self) -> NDArray[np.bool_]:
        """A measure of a whole episode means another thing for a recording that was cut short, so such are compared
        only with each other."""
        cut = np.array([each.cut_short for each in self.episodes])
        same: NDArray[np.bool_] = cut[:, None] == cut[None, :]
        return same

    def group_pay(self, payment: Payment, members: tuple[str, ...]) -> FloatArray:
        """Each term's mean over some episodes, (K,)."""
        chosen = [number for number, name in enumerate(payment.ids) if name in set(members)]
        means: FloatArray = payment.per_term[chosen].mean(axis=0)
        return means

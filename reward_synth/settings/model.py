"""The settings of a run, validated."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from reward_synth.core import machine
from reward_synth.core.names import RoleName
from reward_synth.settings.declarations import Declarations
from reward_synth.settings.values import parse_rungs


class Settings(Declarations, BaseModel):
    """All settings of a run, with the fields of :class:`~reward_synth.settings.declarations.Declarations`."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @property
    def worker_count(self) -> int:
        """Number of parallel trainings on this machine: as requested, or as many as cores and free memory allow."""
        return self.jobs or machine.workers()

    @property
    def rung_shares(self) -> tuple[float, ...]:
        """Shares of the training budget at which the worst candidates stop; the last is 1."""
        return parse_rungs(self.rungs)

    def model_for(self, role: RoleName) -> str | None:
        """The model for a role; None leaves the choice to the keys found."""
        return self.models.get(role, self.model)

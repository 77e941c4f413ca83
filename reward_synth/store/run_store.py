"""One run folder, read and written so that a crash at any moment loses at most the current step."""

from __future__ import annotations

import fcntl
import shlex
import shutil
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import tomlkit

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import (
    held,
    in_words,
    put_in_place,
    read_json,
    refuse_links,
    sweep,
    write_bytes,
    write_json,
    write_text,
)
from reward_synth.core.types import Candidate
from reward_synth.settings.model import Settings
from reward_synth.store.candidate_files import CandidateFiles
from reward_synth.store.feedback_files import FeedbackFiles
from reward_synth.store.journal import Journal
from reward_synth.store.manifest import MANIFEST, RunInfo, new_run_id, now, read_info, versions

_COLUMNS: dict[str, Callable[[Candidate], str | float | None]] = {
    "id": lambda candidate: candidate.id,
    "parent": lambda candidate: ",".join(candidate.parents),
    "iter": lambda candidate: candidate.iteration,
    "status": lambda candidate: candidate.status,
    "success": lambda candidate: candidate.success,
    "lo": lambda candidate: candidate.success_interval and candidate.success_interval[0],
    "hi": lambda candidate: candidate.success_interval and candidate.success_interval[1],
    "fitness": lambda candidate: candidate.fitness,
    "cost_usd": lambda candidate: candidate.cost_usd,
    "steps": lambda candidate: candidate.steps,
    "steps_saved": lambda candidate: candidate.steps_saved,
    "reason": lambda candidate: candidate.reason,
}
"""The columns of ``results.tsv``."""


_LOOKS, _BETWEEN_LOOKS = 5, 0.05
"""How often a locked run is tried before it is refused, and the seconds between two tries."""


class RunStore(CandidateFiles, FeedbackFiles, Journal):
    """A run folder. Make one with :meth:`create` or :meth:`open`.

    Every write is atomic; a full disk or a folder without write permission raises
    :class:`~reward_synth.core.errors.RewardSynthError`. No key and no environment variable is ever written.
    """

    @classmethod
    def create(
        cls,
        runs_dir: Path,
        goal: str,
        settings: Settings,
        task: str | None = None,
        command: str = "",
        origins: dict[str, str] | None = None,
        start_reward: str | None = None,
    ) -> RunStore:
        """Make the run folder and write goal and settings.

        :param command: the command line as typed.
        :param start_reward: the reward that the search begins with.
        """
        folder = runs_dir / new_run_id(goal)
        with in_words(folder):
            folder.mkdir(parents=True)
        store = cls(folder)
        moment = now()
        info = RunInfo(
            id=folder.name,
            goal=goal,
            task=task,
            method=settings.method,
            model=settings.model,
            created=moment,
            updated=moment,
            seed=settings.seed,
            versions=versions(),
        )
        store.write_settings(settings, origins or {})
        write_text(folder / "command.txt", command.rstrip("\n") + "\n")
        if start_reward is not None:
            write_text(store.start_reward_path, start_reward)
        # Written last, because a folder without it is not a run.
        write_json(folder / MANIFEST, info.model_dump(mode="json"))
        return store

    @classmethod
    def open(cls, path: Path) -> RunStore:
        """The run in that folder; RewardSynthError if there is none, or if it holds anything but plain files."""
        read_info(path)
        refuse_links(path)
        return cls(path)

    # Goal, settings, task, prompts --------------------------------------------------------------------

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.path.resolve().name

    @property
    def short_id(self) -> str:
        """The last four characters, which the commands accept too."""
        return self.id.rpartition("-")[2]

    @property
    def argument(self) -> str:
        """What names this run in a command: its short name if that finds it, else its path, as a shell reads it."""
        return self.short_id if self.path.parent == Path("runs") else shlex.quote(str(self.path))

    @property
    def info(self) -> RunInfo:
        """The facts in ``run.json``, read again at each access."""
        return read_info(self.path)

    def update(self, **changes: Any) -> RunInfo:
        """Change fields of ``run.json``."""
        info = RunInfo.model_validate(self.info.model_dump() | changes | {"updated": now()})
        write_json(self.path / MANIFEST, info.model_dump(mode="json"))
        return info

    def other_versions(self) -> list[str]:
        """A sentence if packages that decide figures have other versions now than when the run began; else nothing."""
        begun, here = self.info.versions, versions()
        names = [name for name in begun if name != "reward_synth" and here.get(name, begun[name]) != begun[name]]
        if not names:
            return []
        then, now_ = (", ".join(f"{name} {found[name]}" for name in names) for found in (begun, here))
        return [f"this run began with {then}, and {now_} is installed now: figures of before and after do not compare"]

    def write_settings(self, settings: Settings, origins: dict[str, str]) -> None:
        """Write every value that the run uses, and its origin."""
        values = settings.model_dump(mode="json", exclude_none=True)
        write_text(self.path / "settings.toml", tomlkit.dumps(values))
        write_json(self.path / "settings.origin.json", origins)

    def settings(self) -> Settings:
        """The settings that the run was made with."""
        path = self.path / "settings.toml"
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
            found = Settings.model_validate(values)
        except (OSError, ValueError) as error:
            raise RewardSynthError(f"cannot understand {path}: {error}", "restore the file") from error
        # A value that is lost would be taken for the default: another model would be asked and paid.
        chosen = [name for name, origin in self.origins().items() if origin != "default"]
        if not values or not values.keys() >= set(chosen):
            lost = ", ".join(name for name in chosen if name not in values) or "all of them"
            raise RewardSynthError(f"{path} has lost settings: {lost}", "restore the file")
        return found

    def origins(self) -> dict[str, str]:
        """The origin of each setting; empty if the file is lost, since nothing else depends on it."""
        try:
            found = read_json(self.path / "settings.origin.json")
        except (OSError, RewardSynthError):
            return {}
        return found if isinstance(found, dict) else {}

    def write_task(self, text: str) -> None:
        """Write the frozen task spec; RewardSynthError if another one is there already."""
        if self.task_path.exists() and self.task_path.read_text(encoding="utf-8") != text:
            raise RewardSynthError(
                f"the task of {self.id} is frozen and cannot be changed",
                "start another run: what counts as success must not change after the first reward",
            )
        write_text(self.task_path, text)

    def read_task(self) -> str | None:
        """The frozen task spec's text, or None before it is chosen."""
        return self.task_path.read_text(encoding="utf-8") if self.task_path.exists() else None

    def freeze_prompts(self, templates: Mapping[str, str]) -> None:
        """Store the templates that the run uses, name to text. This is done once: a resumed run keeps its own."""
        if self.prompts_dir.exists():
            return
        draft = self.path / ".prompts.draft"
        with in_words(self.prompts_dir):
            shutil.rmtree(draft, ignore_errors=True)
            draft.mkdir()
            for name, text in templates.items():
                write_text(draft / name, text)
            put_in_place(draft, self.prompts_dir)

    # Iterations, results, the best --------------------------------------------------------------------

    def write_iteration(self, number: int, text: str) -> None:
        """Write the analyzer's reading. The Markdown file is written last, because it marks the iteration as done."""
        folder = self.path / "iterations"
        write_json(folder / f"{number:03d}.json", {})
        write_text(folder / f"{number:03d}.md", text.rstrip("\n") + "\n")

    def read_iterations(self) -> dict[int, str]:
        """The analyzer's readings by iteration, oldest first."""
        paths = sorted((self.path / "iterations").glob("*.md"))
        return {int(path.stem): path.read_text(encoding="utf-8") for path in paths if path.stem.isdigit()}

    def iteration_done(self, number: int) -> bool:
        """True if the iteration has been analyzed, so that nothing of it is left to do."""
        return (self.path / "iterations" / f"{number:03d}.md").exists()

    def results_table(self) -> None:
        """Write ``results.tsv`` again from the candidates' files."""
        rows = [[_cell(column(candidate)) for column in _COLUMNS.values()] for candidate in self.candidates()]
        write_text(self.results_path, "".join("\t".join(row) + "\n" for row in [list(_COLUMNS), *rows]))

    def set_best(self, candidate: str, header: str = "") -> None:
        """Store the best candidate, and copy its reward below ``header``."""
        chosen = self.candidate(candidate)
        write_bytes(self.best_reward_path, header.encode() + self.reward_path(candidate).read_bytes())
        facts = {"success": chosen.success, "fitness": chosen.fitness}
        write_json(self.path / "best.json", {"candidate": candidate, **facts})
        self.update(best=candidate, **facts)

    # Stopping, and one loop at a time -----------------------------------------------------------------

    def request_stop(self) -> None:
        """Ask the loop that works on this run to stop."""
        write_text(self.stop_path, "")

    def stop_requested(self) -> bool:
        """True if somebody requested a stop."""
        return self.stop_path.exists()

    def clear_stop(self) -> None:
        """Withdraw a requested stop."""
        self.stop_path.unlink(missing_ok=True)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the run against a second loop. The kernel releases the lock however this process ends.

        :raises FolderMoved: the folder was moved meanwhile; nothing is written to a new one under its old name.
        :raises RewardSynthError: another process holds it.
        """
        with in_words(self._lock_path):
            file = self._lock_path.open("w")
        with file:
            for attempt in range(_LOOKS):
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError as error:
                    # A command that only looks whether the run is locked holds the lock for a moment.
                    if attempt + 1 == _LOOKS:
                        hint = f"reward-synth stop {self.argument}"
                        raise RewardSynthError(f"another process is working on {self.id}", hint) from error
                    time.sleep(_BETWEEN_LOOKS)
                except OSError as error:
                    text = f"the file system that holds {self.path} cannot lock a file: {error.strerror}"
                    raise RewardSynthError(
                        text, "move the run to another one; for a new run: --runs-dir DIR"
                    ) from error
            with held(self.path):
                yield

    def sweep(self) -> None:
        """Remove what killed processes left: drafts, and folders for temporary files. The run must be locked."""
        sweep(self.path)
        for place in ("candidates/*/train", "final/*", "presets"):
            for folder in self.path.glob(f"{place}/*/scratch"):
                shutil.rmtree(folder, ignore_errors=True)

    def is_locked(self) -> bool:
        """True while a loop works on the run. A run with the status ``running`` but without a lock was interrupted."""
        if not self._lock_path.is_file():
            return False
        with self._lock_path.open("r") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            except OSError:  # The file system has no locks, and so nobody works there.
                return False
        return False

    @property
    def _lock_path(self) -> Path:
        return self.path / "lock"


def _cell(value: str | float | None) -> str:
    """The value as text without tabs and line ends, which would break the table."""
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else " ".join(str(value).split())

"""From what a person types (``latest``, a prefix, a path) to a run folder."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from reward_synth.core.errors import RewardSynthError
from reward_synth.core.files import read_json, refuse_strange
from reward_synth.core.nearest import did_you_mean, nearest, nearest_meaning
from reward_synth.store.manifest import RunInfo
from reward_synth.store.schema import migrate

MANIFEST = "run.json"


def read_info(folder: Path) -> RunInfo:
    """The run's head.

    :raises RewardSynthError: the folder holds no readable ``run.json``.
    """
    path = folder / MANIFEST
    try:
        refuse_strange(path)
        manifest = read_json(path)
        return RunInfo.model_validate(migrate(manifest) if isinstance(manifest, dict) else manifest)
    except FileNotFoundError as error:
        raise RewardSynthError(f"{folder} is not a run folder: it has no {MANIFEST}", "reward-synth ls") from error
    except (ValidationError, OSError) as error:
        raise RewardSynthError(f"cannot understand {path}", "it was changed: restore the file") from error


def list_runs(runs_dir: Path) -> list[RunInfo]:
    """The readable runs of a folder, newest first; folders that are no runs are left out."""
    found = []
    for path in runs_dir.glob(f"*/{MANIFEST}"):
        try:
            found.append(read_info(path.parent).model_copy(update={"id": path.parent.name}))
        except RewardSynthError:
            continue
    return sorted(found, key=lambda info: (info.created, info.id), reverse=True)


def find_run(runs_dir: Path, query: str | Path) -> Path:
    """The folder that is meant.

    :param query: ``latest``, a path, a run's name, a unique beginning of it, or its last four characters.
    :raises RewardSynthError: no such run (with the nearest), or several.
    """
    text = str(query)
    names = [info.id for info in list_runs(runs_dir)]
    if text == "latest":
        if not names:
            raise RewardSynthError(f"there is no run in {runs_dir} yet", 'reward-synth run "GOAL"')
        return runs_dir / names[0]
    for path in (Path(text), runs_dir / text):
        if (path / MANIFEST).is_file():
            return path
    matches = [name for name in names if name.startswith(text) or name.endswith(f"-{text}")]
    if len(matches) == 1:
        return runs_dir / matches[0]
    if matches:
        shown = "\n  ".join(matches[:8])
        raise RewardSynthError(f"'{text}' fits {len(matches)} runs:\n  {shown}", "type more of the name")
    raise RewardSynthError(f"there is no run '{text}' in {runs_dir}", _nearest(text, names))


def _nearest(text: str, names: list[str]) -> str:
    # People type the words of a run's name, not its date.
    words = {name.split("-", 2)[-1]: name for name in names}
    close = nearest(text, names, cutoff=0.5) or nearest_meaning(text, words, cutoff=0.4)
    return did_you_mean(close, "reward-synth ls shows the runs there are", quote="'")

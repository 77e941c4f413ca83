"""The location of the files that people edit (prompts and task specs), in a checkout and in an installed wheel."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from reward_synth.core.errors import RewardSynthError

DataKind = Literal["prompts", "task_specs"]

_PACKAGE = Path(__file__).resolve().parent.parent


def data_dir(kind: DataKind) -> Path:
    """The folder of that kind of data: the one inside the wheel, else the one at the top of the checkout.

    :raises RewardSynthError: neither exists, so the installation is incomplete.
    """
    for folder in (_PACKAGE / "_data" / kind, _PACKAGE.parent / kind):
        if folder.is_dir():
            return folder
    raise RewardSynthError(
        f"the folder '{kind}' that belongs to reward-synth is missing from the installation at {_PACKAGE}",
        hint="install it again: pip install --force-reinstall reward-synth",
    )

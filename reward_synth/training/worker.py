"""The training worker: ``python -m reward_synth.training.worker job.json``.

It reads the job file, trains, and writes ``result.json`` last. It holds no key: the loop starts it with an empty
environment. Nobody reads its output; a traceback lands in ``stderr.txt`` of the training folder.
"""

from __future__ import annotations

import sys
import time
import traceback
from pathlib import Path

from reward_synth.training.job import TrainJob, write_result
from reward_synth.types import TrainResult


def main(path: Path) -> int:
    """Run one job. Returns 0 if a result was written, a crashed training's included."""
    job = TrainJob.read(path)
    started, cpu_started = time.monotonic(), time.process_time()
    try:
        from reward_synth.training.trainer import train

        result = train(job)
    except Exception as error:  # noqa: BLE001  (the worker's edge: whatever happened is the training's result)
        traceback.print_exc()
        result = TrainResult(
            status="crashed",
            reason=_reason(error),
            seed=job.seed,
            steps=0,
            seconds=time.monotonic() - started,
            cpu_seconds=time.process_time() - cpu_started,
        )
    write_result(job, result)
    return 0


def _reason(error: Exception) -> str:
    from reward_synth.reward.contract import RewardError

    if isinstance(error, RewardError):
        return f"the reward failed in training: {error.finding.as_text()}"
    return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

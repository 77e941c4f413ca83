"""``resume``: go on with a run."""

from __future__ import annotations

from reward_synth.cli import options
from reward_synth.cli.asking import console_ask, console_confirm
from reward_synth.cli.ending import finish, resumable
from reward_synth.cli.options import Json, RunName


def resume(
    run: RunName,
    env: options.EnvFile = None,
    base_url: options.BaseUrl = None,
    iterations: options.Iterations = None,
    budget: options.Budget = None,
    time_limit: options.TimeLimit = None,
    keep_going: options.KeepGoing = None,
    feedback: options.FeedbackMode = None,
    feedback_timeout: options.FeedbackTimeout = None,
    yes: options.Yes = None,
    unsafe_no_sandbox: options.UnsafeNoSandbox = None,
    jobs: options.Jobs = None,
    executor: options.Executor = None,
    display: options.DisplayKind = None,
    runs_dir: options.RunsDir = None,
    json: Json = False,
) -> None:
    """Go on with a run: do what is missing. Limits may be raised."""
    typed = dict(locals())

    from reward_synth.api.run import Run

    found = Run.open(run, options.runs_folder(runs_dir))
    given = options.overrides(typed)
    given.pop("runs_dir", None)
    with resumable() as made:
        made(found)
        found.resume_with(given, flags=True, ask=console_ask(), confirm=console_confirm())
    finish(found)

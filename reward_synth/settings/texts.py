"""What each setting does, in a sentence, for the command line's help, ``docs/reference/settings.md`` and ``config
show``.

Plain text in a module of its own, so that ``reward-synth --help`` need not load the settings' validation.
"""

from __future__ import annotations

HELP: dict[str, str] = {
    "task": "Task spec: its name (`reward-synth tasks ls`) or a YAML file.",
    "env": "Environment, for a goal without a task spec: an id, `module:ID`, `module:CLASS` or `./FILE.py:CLASS`; "
    "the model chooses one if neither is given.",
    "method": "Search method: who proposes rewards, which of them train, and what the next round is given "
    "(docs/guide/methods.md).",
    "model": "Model that writes and reviews: any litellm name, `local`, `manual` or `replay:FILE`. "
    "Per role with `ROLE=NAME`, as in `--model critic=gpt-5`; may be repeated.",
    "models": "Model per role (`designer`, `critic`, `analyzer`, `task_drafter`), where it is not `model`.",
    "base_url": "Address of an OpenAI-compatible server for `model`.",
    "temperature": "Sampling temperature of the designer, 0 to 2.",
    "critic": "Let a critic review each reward before it is trained. Unset: yes, unless the model is a small one.",
    "shots": "Worked examples shown to the designer; 0 shows none.",
    "repairs": "Repair rounds for a reward that lint, probe or critic object to.",
    "prompts": "Folder of prompt templates that replace the shipped ones of the same name.",
    "iterations": "Rounds of design, training and analysis.",
    "samples": "Rewards designed per iteration.",
    "seeds": "Policies trained per reward.",
    "steps": "Environment steps per training; the task spec's budget if not given.",
    "learner": "What trains the policies: `ppo`, or `sac` or `tqc` (extra `sbx`); the task spec's if not given.",
    "scale": "How reward terms become the reward: `sum`, or `sign` for Auto MC-Reward's rule, 1 by the sign of terms "
    "named `sparse…` and 0.1 by that of the others; the task spec's if not given.",
    "budget": "Dollars that model calls may cost; refused for a model without a known price.",
    "time_limit": "Wall time for the run, as `2h`, `30m`, `1h30m` or seconds.",
    "rungs": "Shares of the steps after each of which the worst rewards of an iteration stop, such as `0.1,0.3,1`; "
    "`1` trains all to their end.",
    "keep_going": "Use all iterations even if the task is solved before.",
    "final_seeds": "At the end, train the best reward from scratch on so many fresh seeds; 0 leaves it to `eval`.",
    "feedback": "Ask a person after each iteration: `none`, `ask` (here) or `queue` (by file).",
    "feedback_timeout": "With `--feedback queue`: how long to wait for an answer; 0 goes on at once.",
    "unsafe_no_sandbox": "Run generated code without the kernel's lock: it could then read and change your files. "
    "Only as an option or argument, and not remembered by `resume`.",
    "yes": "Accept drafted success measures without asking.",
    "jobs": "Trainings that run side by side; as many as there are cores and memory for if not given.",
    "executor": "Where trainings run: `local`, as processes on this machine, or `ray`, on the cluster at "
    "`RAY_ADDRESS`, or on a local one if that is not set.",
    "seed": "Seed that all others are derived from.",
    "runs_dir": "Folder that run folders are made in.",
    "display": "What the terminal shows: `auto`, `rich`, `plain`, `json` or `none`.",
}

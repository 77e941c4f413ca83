"""The lint: precise errors that a small model can repair, before anything runs.

:mod:`linter` reads a file and asks the others: what the text may hold (:mod:`source`), which parts of Python and which
names (:mod:`syntax`, :mod:`walker`, with the lists in :mod:`allowed`), what a function returns (:mod:`returns`), and,
by following values without running anything, what is changed, how large it gets and how long it takes (:mod:`flow`).
"""

from reward_synth.reward.lint.linter import LintReport, lint

__all__ = ["LintReport", "lint"]

"""The lint: precise errors that a small model can repair, before anything runs.

:mod:`linter` reads a file and asks the others: what the text may hold (:mod:`source`), which parts of Python and which
names (:mod:`syntax`, :mod:`walker`, with the lists in :mod:`allowed`), what a function returns (:mod:`returns`), what
it changes (:mod:`writes`), and which roots and logarithms may be undefined (:mod:`undefined`). The lint bounds loops
and arrays whose size is a constant. The limits of the reward process bound all other time and memory.
"""

from reward_synth.reward.lint.linter import LintReport, lint

__all__ = ["LintReport", "lint"]

"""ManiSkill 3: a Panda arm at a table. Needs the extra ``maniskill``."""

"""Turns a goal into a task that has been tried, before any reward is paid for."""

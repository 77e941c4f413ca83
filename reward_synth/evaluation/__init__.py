"""Plays a policy, and scores its episodes by the task."""

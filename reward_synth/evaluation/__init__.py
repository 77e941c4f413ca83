"""Playing a policy, and judging its episodes by the task."""

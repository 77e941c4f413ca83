"""Playing a policy, and scoring its episodes by the task."""

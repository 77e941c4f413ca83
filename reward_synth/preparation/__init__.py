"""From a goal to a task that has been tried, before a reward is paid for."""

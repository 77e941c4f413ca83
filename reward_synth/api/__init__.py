"""The Python API: runs, rewards, the machine."""

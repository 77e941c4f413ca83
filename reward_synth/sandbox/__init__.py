"""Processes that run generated code behind the kernel's locks, and the channel to them."""

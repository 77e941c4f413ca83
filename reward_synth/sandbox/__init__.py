"""Processes that run generated code under the kernel's locks, and the channel to them."""

"""Turns the numbers of a training into named findings, and into a summary that states them."""

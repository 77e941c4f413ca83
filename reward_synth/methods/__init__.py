"""Search methods: which rewards are proposed, which of them train, and what the next round is given."""

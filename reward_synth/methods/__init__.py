"""Search methods: who proposes rewards, which of them train, and what the next round is given."""

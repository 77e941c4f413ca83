"""What is known of a reward before it is trained: the probe, and how it ranks reference episodes."""

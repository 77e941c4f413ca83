"""Tools for a person's coding assistant: it watches a search, answers for the model, and gives feedback."""

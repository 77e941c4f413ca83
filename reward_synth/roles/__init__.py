"""The model's parts: typed in, typed out, prompts in between."""

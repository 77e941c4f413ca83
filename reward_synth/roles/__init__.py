"""The roles of models, one module each: typed values in, prompts in between, typed values out."""

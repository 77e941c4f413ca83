"""What models are asked to do, one module per role: typed values in, typed values out, prompts in between."""

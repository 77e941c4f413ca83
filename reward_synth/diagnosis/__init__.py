"""From a training's numbers to named findings, and to the summary that states them."""

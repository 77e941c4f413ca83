"""From a training's numbers to named findings, and to the text and pictures that tell them."""

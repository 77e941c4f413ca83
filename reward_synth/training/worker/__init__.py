"""The processes of a training, and what locks them."""

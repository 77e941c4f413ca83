"""The events of a run as values (a tagged union), and the bus that passes them to listeners."""

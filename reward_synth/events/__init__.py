"""What happens in a run, as values: a tagged union of events, and the bus that hands them to listeners."""

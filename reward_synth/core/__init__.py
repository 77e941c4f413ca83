"""What everything stands on: values, errors, files, words. It imports nothing of the package but itself."""

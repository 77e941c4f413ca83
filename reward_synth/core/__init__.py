"""The base of the package: values, errors, files, text helpers. It imports no other part of the package."""

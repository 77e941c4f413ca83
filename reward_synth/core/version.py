"""The package's version, for modules that must not import the package's own ``__init__``."""

__version__ = "0.1.0"

"""The version, importable by everything without importing everything."""

__version__ = "0.1.0.dev0"

"""Servers from Python wheels, for development and tests on a machine without Docker."""

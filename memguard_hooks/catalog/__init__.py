"""Measured footprints: the data, its lookup, and what a project has measured itself."""

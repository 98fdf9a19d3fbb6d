"""pre-commit hooks that stop a Python app from running out of memory before it is deployed."""

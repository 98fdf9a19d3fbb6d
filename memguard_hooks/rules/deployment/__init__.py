"""Rules on deployment files and variables."""

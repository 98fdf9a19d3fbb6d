"""What an import costs in memory: the probe that measures it, and the catalog of what was measured."""

"""What the hooks on dependencies judge by: one module a topic."""

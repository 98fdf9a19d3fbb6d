"""Whether a service fits into the memory of its host."""

"""Rules on what an app logs: what costs money, memory, and the line that was needed."""

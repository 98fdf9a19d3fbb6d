"""Facts about a log: its lines, their times, their templates, and what they cost."""

"""Rules on what is imported when."""

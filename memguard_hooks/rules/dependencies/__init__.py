"""Rules on what is declared and locked."""

"""Rules on what is installed where the app runs."""

"""Rules on the work that an app does while it loads."""

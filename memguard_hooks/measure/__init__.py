"""What runs the project: probe, serving, attribution."""

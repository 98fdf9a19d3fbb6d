"""The lazy facts of one repository at one tree, its settings, its baseline, the change under judgment."""

"""Machine-learning models that code loads by name: which call loads what, and what each takes in memory."""

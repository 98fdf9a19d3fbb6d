"""One module for each family of models; each has answer(question, prompt)."""

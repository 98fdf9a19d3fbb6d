"""One application as it will run: entry points, what loads at which moment, the estimate, the limit."""

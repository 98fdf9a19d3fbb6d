"""One module a sub-command of `memguard`."""

"""One module a hook: its documentation, its rules, `check(project)` and `main(argv)`."""

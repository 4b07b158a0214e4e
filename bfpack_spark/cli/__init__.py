"""The command line: what a user can ask, what is printed, and the exit codes."""

"""The command line: what is asked, what is printed, and with which exit code it ends."""

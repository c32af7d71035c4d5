"""The work of `lintune advise`."""

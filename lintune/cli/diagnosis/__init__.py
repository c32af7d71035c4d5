"""What `lintune diagnose` does: ask the study, judge what it found, print it and save it."""

"""The parts of `lintune finetune`: the request, the problem, the search, the files and the report."""

"""What the bundled tasks are called in print, known without reading their data."""

TITLES = {
    "mr": "MR",
    "sst2-like": "SST-2-like",
    "sst5-like": "SST-5-like",
    "cr-like": "CR-like",
    "subj-rebuilt": "Subj (rebuilt)",
    "trec": "TREC",
    "snli": "SNLI",
    "boolq": "BoolQ",
}

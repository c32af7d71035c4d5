"""What chapters measure, as functions that a test reaches and a reader can call on other data.

Each study is a module or a folder of its own, such as `few_shot`, `behaviour`, `departure` or
`student_teacher`. Nothing is imported here: what needs no language model must not wait for the libraries of
what does.
"""

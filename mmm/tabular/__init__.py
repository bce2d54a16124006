"""Tables as people save them: encodings, separators, decimal marks, numbers, dates."""

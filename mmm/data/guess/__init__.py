"""Roles of columns guessed from their names and contents, for a first spec that a person corrects."""

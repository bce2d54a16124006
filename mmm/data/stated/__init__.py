"""What users state of effects, on the cells of a panel."""

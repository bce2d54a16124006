"""What users state of effects: lift tests and beliefs, on the cells of a panel."""

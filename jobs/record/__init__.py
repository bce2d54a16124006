"""What is kept of fits, and by which names: files, rows, MLflow, versions and their promotion."""

"""HTTP over fitted models, on Ray Serve."""

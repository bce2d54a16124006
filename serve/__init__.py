"""HTTP over fitted models, on Ray Serve: nothing of it is built yet."""

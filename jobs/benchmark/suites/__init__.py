"""What the benchmark measures, suite by suite."""

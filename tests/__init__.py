"""Tests: they mirror mmm, jobs and serve, plus architecture, golden and recovery."""

"""Answers of fitted models, in this process or in replicas."""

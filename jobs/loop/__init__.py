"""Stability of one market's model: refits week by week, under noise and against shuffled media."""

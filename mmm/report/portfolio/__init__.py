"""The page of a whole refit: every brand-market at a glance."""

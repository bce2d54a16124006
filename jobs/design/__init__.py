"""A yearly budget of tests over the brands and markets of a portfolio."""

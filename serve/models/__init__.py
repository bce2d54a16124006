"""Which fitted models there are to serve, and where their files lie."""

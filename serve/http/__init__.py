"""The HTTP interface: routes, bodies, who may ask."""

"""The planner page: files for a browser and the routes that hand them out."""

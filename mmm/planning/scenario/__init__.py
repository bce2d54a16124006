"""What given spend plans would bring."""

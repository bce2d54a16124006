"""Plans that pay for treatments."""

"""Which test next: candidates, what each would tell and cost, a frozen design and its result."""

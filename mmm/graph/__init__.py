"""The channel graph: how one channel feeds another, given or learned."""

"""What stands before everything: who is it, may they ask so much, can we take it now."""

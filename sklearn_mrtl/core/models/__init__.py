"""Models of the weight tensor."""

"""Reads pictures of digits and classifies them with the network of a finished training."""

"""What can be done with the folder of a finished training."""

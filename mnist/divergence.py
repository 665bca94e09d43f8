"""Stops a training whose loss is no longer a finite number."""

import math


def check_finite(loss, step):
    """Checks the loss of a training step.

    Args:
      loss: the step's loss.
      step: the step's number, for the error.

    Raises:
      FloatingPointError: the loss is not a finite number.
    """
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss is {loss} at step {step}: training diverged; try a smaller --learning_rate"
        )

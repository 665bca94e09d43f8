"""Imports all that the scripts import, once for all forks; see forked_process.py."""

import classify_digits  # noqa: F401
import draw_figures  # noqa: F401
import fully_connected_feed  # noqa: F401
import mnist_deep  # noqa: F401
import mnist_layers_estimator  # noqa: F401
import mnist_softmax  # noqa: F401

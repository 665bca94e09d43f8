"""What makes the tutorials' scripts robust: saved, resumed, quiet, and clear where they fail."""

from robust import tensorflow_import  # noqa: F401, before any other module imports TensorFlow

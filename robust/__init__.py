"""Makes the tutorials' scripts robust: they save, resume, run quietly and explain their errors."""

from robust import tensorflow_import  # noqa: F401, before any other module imports TensorFlow

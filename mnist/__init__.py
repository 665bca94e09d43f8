"""The model of the tutorial "TensorFlow Mechanics 101", in mnist/mnist.py."""

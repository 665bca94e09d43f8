"""Builds the graph of a script, as its main does until training begins."""

import collections
import contextlib
from unittest import mock

import tensorflow.compat.v1 as tf

Model = collections.namedtuple(
    "Model", ["x", "y_", "keep_prob", "y", "cross_entropy", "train_step", "accuracy"]
)
# In softmax regression y has the probabilities, and in the deep network, as y_conv, the logits.
NAMES = {
    "mnist_softmax": Model(
        "Placeholder:0", "Placeholder_1:0", None, "Softmax:0", "Mean:0", "GradientDescent",
        "Mean_1:0",
    ),
    "mnist_deep": Model(
        "Placeholder:0", "Placeholder_1:0", "dropout/PlaceholderWithDefault:0", "fc2/add:0",
        "Mean:0", "Adam", "Mean_1:0",
    ),
}  # fmt: skip


class BuiltError(Exception):
    """Ends a main whose graph is complete."""


def build(script, *flags):
    """Builds a script's graph in the default graph.

    Args:
      script: the module mnist_softmax or mnist_deep.
      *flags: the script's flags.

    Returns:
      Model of the script's tensors, and of the operation train_step.
    """
    before = tf.get_default_session()
    with mock.patch.object(script, "Training", side_effect=BuiltError), mock.patch.object(
        script.input_data, "read_data_sets"
    ), contextlib.suppress(BuiltError):
        script.main.__wrapped__(script.main.parse_flags(list(flags)))
    if tf.get_default_session() is not before:
        tf.get_default_session().close()
    names = NAMES[script.__name__]
    return Model(*(name and tf.get_default_graph().as_graph_element(name) for name in names))

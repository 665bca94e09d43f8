"""Loads the network that a run has trained, and classifies images with it."""

import os

from training.explained_import import tf

import numpy
from google.protobuf.message import DecodeError

import mnist_deep
import mnist_layers_estimator
from mnist import mnist
from training import checkpoints
from training.checkpoints import CheckpointError, first_line
from training.evaluation import CHUNK


def _softmax(x):
    W = tf.Variable(tf.zeros([784, 10]), name="W")
    b = tf.Variable(tf.zeros([10]), name="b")
    return tf.nn.softmax(tf.matmul(x, W) + b)


def _deep(x):
    y_conv, _ = mnist_deep.deepnn(x)
    return tf.nn.softmax(y_conv)


def _fully_connected(x):
    return tf.nn.softmax(mnist.inference(x, hidden1_units=128, hidden2_units=32))


def _estimator(x):
    spec = mnist_layers_estimator.cnn_model_fn({"x": x}, None, tf.estimator.ModeKeys.PREDICT)
    return spec.predictions["probabilities"]


# A variable that only one of the four scripts has, its network's name, and the function that builds
# its probabilities.
NETWORKS = {
    "W": ("softmax", _softmax),
    "conv1/W_conv1": ("deep", _deep),
    "hidden1/weights": ("fully_connected", _fully_connected),
    "conv2d/kernel": ("estimator", _estimator),
}
# The operations whose first input is the logits. A softmax counts only in a graph without a loss.
LOSSES = {"SoftmaxCrossEntropyWithLogits", "SparseSoftmaxCrossEntropyWithLogits"}
SOFTMAXES = {"Softmax", "LogSoftmax"}
VARIABLES = {"Variable", "VariableV2", "VarHandleOp"}


class Network:
    """The network in the last usable checkpoint of a run.

    Its graph is the one that was saved beside the checkpoint, so the run's script may have changed
    since. The graph that an Estimator saves reads its images from a queue. For such a run, and for
    one without a saved graph, the script builds the graph, with layers as large as the run's.

    Args:
      run_dir: path of the run's folder.

    Attributes:
      name: "softmax", "deep", "fully_connected" or "estimator" where the run has variables of that
        script, or else "network".
      prefix: path prefix of the checkpoint.

    Raises:
      CheckpointError: the folder has no readable checkpoint. From probabilities and output: the
        graph cannot be loaded, or does not classify images.
    """

    def __init__(self, run_dir):
        with tf.Graph().as_default():
            self.prefix = checkpoints.latest_usable(run_dir)
        if self.prefix is None:
            raise CheckpointError(
                f"{run_dir}: holds no checkpoint; name the folder that a run printed, or that was "
                "given to it with --log_dir or --model_dir"
            )
        self._reader = tf.train.load_checkpoint(self.prefix)
        known = [network for name, network in NETWORKS.items() if self._reader.has_tensor(name)]
        self.name, self._build = known[0] if known else ("network", None)
        self._sess = None  # until the first images come

    def variable(self, name):
        """Returns the value of a variable as an array."""
        return self._reader.get_tensor(name)

    def probabilities(self, images):
        """Classifies images.

        Args:
          images: float32 array of shape [batch, 784], from 0, paper, to 1, ink.

        Returns:
          float32 array of shape [batch, classes].
        """
        parts = (images[start : start + CHUNK] for start in range(0, len(images), CHUNK))
        return numpy.concatenate([self.output(None, part) for part in parts])

    def output(self, operation, images):
        """Returns what an operation of the graph computes from images.

        Args:
          operation: its name, such as "conv1/Relu", or None for the probabilities.
          images: see probabilities.
        """
        try:
            if self._sess is None:
                self._load()
            images = images.reshape([-1, *self._x.shape.as_list()[1:]])
            return self._sess.run(f"{operation}:0" if operation else self._y, {self._x: images})
        except (tf.errors.OpError, OSError, ValueError) as error:
            raise CheckpointError(
                f"{self.prefix}: cannot classify images with this network: {first_line(error)}"
            ) from error

    def _load(self):
        meta_graph, placeholders, logits = self._saved_graph() or self._script_graph()
        if len(placeholders) > 1:
            raise ValueError(
                f"it is fed {' and '.join(placeholders)}, expected images only; give the others a "
                "default with tf.placeholder_with_default, and train again"
            )
        values = _prepare(meta_graph.graph_def, self._reader)
        with tf.Graph().as_default() as graph:
            self._x, logits = tf.import_graph_def(
                meta_graph.graph_def,
                return_elements=[placeholders[0], logits],
                name="",
                producer_op_list=meta_graph.meta_info_def.stripped_op_list,
            )
            if not self._x.dtype.is_floating:
                raise ValueError(f"it is fed {self._x.dtype.name}, expected float32 from 0 to 1")
            self._y = tf.nn.softmax(logits)
            sess = tf.Session()
            sess.run([_assign(graph.get_tensor_by_name(name), values[name]) for name in values])
        self._sess = sess

    def _saved_graph(self):
        """Returns the saved graph, as _cut does, or None if there is none that is fed."""
        path = f"{self.prefix}.meta"
        if not os.path.exists(path):
            return None
        try:
            with open(path, "rb") as file:
                meta_graph, placeholders, logits = _cut(tf.MetaGraphDef.FromString(file.read()))
        except (DecodeError, KeyError) as error:
            raise ValueError(
                f"{path} is damaged ({first_line(error)}); without it, the script builds the graph"
            ) from error
        return (meta_graph, placeholders, logits) if placeholders else None

    def _script_graph(self):
        """Returns the script's graph, as _cut does."""
        if self._build is None:
            raise ValueError(
                "it has no saved graph that is fed images, and is of none of the four scripts; "
                "name the folder of another run"
            )
        with tf.Graph().as_default():
            self._build(tf.placeholder(tf.float32, [None, 784]))
            known = tuple(f"{variable.op.name}/" for variable in tf.global_variables())
            meta_graph = tf.train.export_meta_graph()
        for name, shape in self._reader.get_variable_to_shape_map().items():
            # An optimizer's own variables are numbers, or named below the variable they are for.
            if shape and not f"{name}/".startswith(known):
                raise ValueError(
                    f"its script, as it is now, has no {name}; undo what was changed since the run"
                )
        return _cut(meta_graph)


def _cut(meta_graph):
    """Cuts a graph down to what computes the logits.

    Args:
      meta_graph: tf.MetaGraphDef, which is changed.

    Returns:
      meta_graph, a list of the names of the tensors that must be fed, and the name of the logits.
    """
    graph_def = meta_graph.graph_def
    operation, _, place = _logits(graph_def).partition(":")
    graph_def.CopyFrom(tf.graph_util.extract_sub_graph(graph_def, [operation]))
    placeholders = [f"{node.name}:0" for node in graph_def.node if node.op == "Placeholder"]
    return meta_graph, placeholders, f"{operation}:{place or 0}"


def _logits(graph_def):
    """Returns the name of what the loss, or without one the softmax, is computed from."""
    nodes = {node.name: node for node in graph_def.node}
    for operations in (LOSSES, SOFTMAXES):
        found = {}
        for node in graph_def.node:
            if node.op in operations:
                logits = node.input[0]
                source = nodes[logits.partition(":")[0]]
                # Each loss reshapes the logits anew.
                found[source.input[0] if source.op == "Reshape" else logits] = logits
        if found:
            break
    if len(found) != 1:
        raise ValueError(
            f"it has {len(found)} outputs with a softmax, expected one; train it with one softmax "
            "cross-entropy"
        )
    return found.popitem()[1]


def _prepare(graph_def, reader):
    """Makes a graph independent of the devices, batch size and TensorFlow of its training.

    Args:
      graph_def: tf.GraphDef, which is changed.
      reader: reader of the checkpoint. The variables get the shapes that they have there.

    Returns:
      dict from the names of the variables' tensors to their values.
    """
    values = {}
    for node in graph_def.node:
        node.device = ""
        # None of these changes what is computed. TensorFlow 1.15 does not know debug_name; others
        # that it does not know are left out by import_graph_def if they have their default.
        for name in [name for name in node.attr if name[0] == "_" or name == "debug_name"]:
            del node.attr[name]
        if node.op in VARIABLES:
            value = reader.get_tensor(node.name)
            values[f"{node.name}:0"] = value
            node.attr["shape"].shape.CopyFrom(tf.TensorShape(value.shape).as_proto())
        if node.op == "Placeholder":
            pixels = tf.TensorShape(node.attr["shape"].shape)[1:]
            shape = tf.TensorShape([None]).concatenate(pixels if pixels.num_elements() else [784])
            node.attr["shape"].shape.CopyFrom(shape.as_proto())
    return values


def _assign(variable, value):
    """Returns an operation that sets a variable, a tensor that is a reference or a resource."""
    if variable.dtype == tf.resource:
        return tf.raw_ops.AssignVariableOp(resource=variable, value=value)
    return tf.assign(variable, value).op

"""Sets how many threads a session computes with."""

import tensorflow as tf


def one_thread():
    """Returns the configuration of a session that computes in the thread that calls it.

    For steps so small that handing them to other threads takes longer than doing them.
    """
    return tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)

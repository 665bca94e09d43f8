"""Writes what TensorBoard shows: the graph, and numbers that change as training goes on."""

import tensorflow as tf

SECONDS_UNTIL_SHOWN = 10


class EventFile:
    """An event file with a graph, for scalars; a context manager that closes it.

    Args:
      log_dir: path of a folder that is there.
      graph: the tf.Graph to show.
      first_step: where training starts. What an earlier run in this folder wrote beyond that step
        is hidden by TensorBoard.
    """

    def __init__(self, log_dir, graph, first_step=0):
        # Of two files named by the same second, the later would replace the earlier.
        suffix = f".{first_step:09d}"
        self._writer = tf.summary.FileWriter(
            log_dir, graph, flush_secs=SECONDS_UNTIL_SHOWN, filename_suffix=suffix
        )
        start = tf.SessionLog(status=tf.SessionLog.START)
        self._writer.add_session_log(start, first_step)

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self._writer.close()

    def add_scalar(self, tag, value, step):
        """Adds a point to the curve of that name."""
        summary = tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=value)])
        self.add_summary(summary, step)

    def add_summary(self, summary, step):
        """Adds what a summary operation gave, or a tf.Summary."""
        self._writer.add_summary(summary, step)

"""Writes what TensorBoard shows: the graph, and the curves of a training."""

import glob
import os

import tensorflow.compat.v1 as tf

SECONDS_UNTIL_SHOWN = 10
# The format's version, the graph, the graph with what belongs to it, and the start of a session.
FIRST_EVENTS = 4


class EventFile:
    """An event file with a graph, for scalars; a context manager that closes it.

    Args:
      log_dir: path of an existing folder.
      graph: the tf.Graph to show.
      first_step: where training starts. TensorBoard hides what an earlier run in this folder wrote
        from that step on.

    Raises:
      OSError: at the end of `with`, the file was not written whole.
    """

    def __init__(self, log_dir, graph, first_step=0):
        # Of two files from the same second, the later would replace the earlier.
        suffix = f".{first_step:09d}"
        self._files = os.path.join(glob.escape(log_dir), f"events.out.tfevents.*{suffix}")
        self._writer = tf.summary.FileWriter(
            log_dir, graph, flush_secs=SECONDS_UNTIL_SHOWN, filename_suffix=suffix
        )
        start = tf.SessionLog(status=tf.SessionLog.START)
        self._writer.add_session_log(start, first_step)
        self._events = FIRST_EVENTS

    def __enter__(self):
        return self

    def __exit__(self, kind, *exception):
        self._writer.close()
        if kind is None:
            self._check()

    def add_scalar(self, tag, value, step):
        """Adds a point to the curve of that name."""
        summary = tf.Summary(value=[tf.Summary.Value(tag=tag, simple_value=value)])
        self.add_summary(summary, step)

    def add_summary(self, summary, step):
        """Adds the result of a summary operation, or a tf.Summary."""
        self._writer.add_summary(summary, step)
        self._events += 1

    def _check(self):
        """Raises an OSError if the writer lost events, for example on a full disk."""
        path = max(glob.glob(self._files), key=os.path.getmtime, default=self._files)
        try:
            written = sum(1 for _ in tf.io.tf_record_iterator(path))
        except (tf.errors.DataLossError, tf.errors.NotFoundError):
            written = 0
        if written != self._events:
            raise OSError(
                f"{path}: could not be written whole, so its curves end early; make room, and "
                "start again in another folder for whole ones"
            )

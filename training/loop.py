"""Trains step by step, with a progress bar and curves. A training can be stopped and resumed."""

import contextlib
import glob
import math
import os
import signal
import sys

from training.explained_import import tf

from input_data.progress_bar import ProgressBar
from input_data.signal_handlers import signals_handled_by
from training import checkpoints
from training.process import clear_row, terminal_width

STEPS_PER_CHECKPOINT = 1000
STEPS_PER_SUMMARY = 10
SECONDS_UNTIL_SHOWN = 10
# The format's version, the graph, the graph with what belongs to it, and the start of a session.
FIRST_EVENTS = 4


def one_thread():
    """Returns the configuration of a session that computes in the calling thread.

    It is for steps so small that handing them to other threads takes longer than the work.
    """
    return tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=-1)


class Training:
    """A training in a log folder, which resumes the last training in that folder.

        with Training(sess, loss, flags) as training:
            for step in training.steps(data_set):
                training.run(train_op, feed_dict={...})

    At the beginning of `with`, the variables are restored from the folder's last checkpoint, or
    initialized if there is none. They are saved every 1000 steps, at the end, and, on Ctrl-C or
    SIGTERM, after the current step, but never where the loss is not finite. The last five
    checkpoints are kept.

    Args:
      sess: session of the graph. The graph must be complete.
      loss: tensor of shape []. The training stops if its value is not finite.
      flags: parsed flags, with max_steps, batch_size and log_dir (see checkpoints.prepare). If
        log_dir is None, nothing is saved, and Ctrl-C and SIGTERM keep their handlers.
      summary: result of tf.summary.merge_all, to be written every 10 steps, or None.

    Raises, at the beginning and at the end of `with` and in each method:
      CheckpointError: the folder's checkpoint does not fit the graph, or none can be written.
      FolderInUseError: another process trains in the folder.
      FloatingPointError: the loss is not finite. With a log folder, the message names the last good
        checkpoint.
      KeyboardInterrupt: after Ctrl-C or SIGTERM, and after the checkpoint is written.
      UserError: TensorFlow misreads the folder's path.
      OSError: the folder cannot be made, or an event file was not written whole.
    """

    def __init__(self, sess, loss, flags, summary=None):
        self._sess, self._loss, self._flags, self._summary = sess, loss, flags, summary
        self._checkpoints = self._events = None
        self._start = self._step = 0
        self._count_step = ()  # the operation that counts a step, run with each step
        self._feed_dict = None  # of the last step
        self._done = self._saved = 0  # the number of steps run, and of those saved
        self._announced = None
        self._parts = contextlib.ExitStack()

    def __enter__(self):
        with self._parts as parts:
            if self._flags.log_dir is None:
                self._sess.run(tf.global_variables_initializer())
            else:
                self._open_folder(parts)
            self._parts = parts.pop_all()
        return self

    def _open_folder(self, parts):
        folder = checkpoints.prepare(self._flags.log_dir)
        parts.enter_context(checkpoints.alone_in(folder))
        self._signals = parts.enter_context(DeferredSignals())
        # A training step counts itself if it was given a global step, as on the page of Mechanics
        # 101. The others are counted here.
        if checkpoints.global_step() is None:
            self._count_step = tf.train.create_global_step().assign_add(1).op
        self._checkpoints = checkpoints.Checkpoints(folder)
        self._start = self._step = self._checkpoints.restore_or_initialize(self._sess)
        self._done = self._saved = self._start
        self._events = parts.enter_context(EventFile(folder, self._sess.graph, self._start))
        parts.push(self._end)
        if not self.steps_left:
            checkpoints.announce_the_end(self._flags.max_steps)

    @property
    def steps_left(self):
        """The number of steps that were left when the training began."""
        return max(0, self._flags.max_steps - self._start)

    def steps(self, data_set):
        """Yields the numbers of the remaining steps, and shows a progress bar.

        Args:
          data_set: DataSet of the training batches. The batches of the steps that an earlier run
            has done are skipped.
        """
        if self.steps_left:
            for _ in range(self._start):
                data_set.next_batch(self._flags.batch_size)
        with contextlib.closing(steps_with_bar(self._start, self._flags.max_steps)) as steps:
            for self._step in steps:
                if self._checkpoints and self._signals.received:
                    raise KeyboardInterrupt
                yield self._step
                if self._checkpoints and self._feed_dict is None:
                    raise RuntimeError("Training.run must run the steps, to count and check them")
                done = self._step + 1
                if done % STEPS_PER_CHECKPOINT == 0 or done == self._flags.max_steps:
                    self._save()
        self._announce()

    def run(self, fetches, feed_dict):
        """Runs a training step, and returns what sess.run(fetches, feed_dict) returns."""
        self._feed_dict = feed_dict
        summary = ()
        if self._events and self._summary is not None and self._step % STEPS_PER_SUMMARY == 0:
            summary = self._summary
        fetched, loss, summary_string, _ = self._sess.run(
            [fetches, self._loss, summary, self._count_step], feed_dict
        )
        _check_finite(loss, self._step)
        self._done = self._step + 1
        if summary_string:
            self.add_summary(summary_string, self._step)
        return fetched

    def add_summary(self, summary, step):
        """Adds the result of a summary operation to the event file."""
        if self._events:
            self._events.add_summary(summary, step)

    def add_scalar(self, tag, value):
        """Adds a point at the current step to the curve of that name."""
        if self._events:
            self._events.add_scalar(tag, value, self._step)

    def save(self):
        """Saves a checkpoint after the current step, and prints its name."""
        self._save()
        self._announce()

    def _save(self):
        if not self._checkpoints or self._saved == self._done:
            return
        # The last step may have made the weights diverge. Only the next loss would show it.
        _check_finite(self._sess.run(self._loss, self._feed_dict), self._done)
        self._checkpoints.save(self._sess)
        self._saved = self._done

    def _announce(self):
        if self._checkpoints and self._announced != self._checkpoints.latest():
            self._announced = self._checkpoints.latest()
            print(f"checkpoint {self._announced}")

    def _end(self, kind, error, traceback):
        """Saves an interrupted training, and says what is left of one that diverged."""
        try:
            if isinstance(error, KeyboardInterrupt):
                self._save()
                latest = self._checkpoints.latest()
                print(f"saved as {latest}" if latest else checkpoints.what_is_left(latest))
            elif isinstance(error, FloatingPointError):
                raise error
        except FloatingPointError as diverged:
            left = checkpoints.what_is_left(self._checkpoints.latest())
            raise FloatingPointError(f"{diverged}. {left}") from diverged

    def __exit__(self, *exception):
        return self._parts.__exit__(*exception)


def _check_finite(loss, step):
    """Raises FloatingPointError if the loss of a step is not a finite number."""
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss is {loss} at step {step}: training diverged; try a smaller --learning_rate"
        )


def steps_with_bar(start, stop):
    """Yields the step numbers from start to stop, and shows the progress."""
    steps = range(start, stop)
    if not terminal_width(sys.stderr):
        yield from steps
        return
    from tqdm.contrib import DummyTqdmFile  # warns in a notebook, where there is no terminal

    # Only a bar in the stream of a line makes way for it. One terminal shows both streams.
    stream = sys.stdout if terminal_width(sys.stdout) else sys.stderr
    lines = DummyTqdmFile(stream)
    with contextlib.redirect_stderr(lines), contextlib.ExitStack() as stack:
        if stream is sys.stdout:
            stack.enter_context(contextlib.redirect_stdout(lines))
        yield from ProgressBar(steps, file=stream, initial=start, total=stop)


class DeferredSignals(contextlib.ExitStack):
    """Delays Ctrl-C and SIGTERM inside `with`.

    The first signal is only recorded, in `received`. It takes effect at the end of `with`; an
    error that ends `with` is raised instead. A second signal takes effect at once.
    """

    def __init__(self):
        super().__init__()
        self.received = None

    def __enter__(self):
        self.enter_context(signals_handled_by(self._receive))
        return super().__enter__()

    def __exit__(self, kind, *exception):
        super().__exit__(kind, *exception)
        if self.received and kind in (None, KeyboardInterrupt):
            signal.getsignal(self.received)(self.received, None)

    def _receive(self, number, handle):
        if self.received:
            handle()
        self.received = number
        clear_row()


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

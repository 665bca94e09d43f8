import os

from robust.event_file import EventFile

import pytest
import tensorflow.compat.v1 as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def write(folder, steps, first_step=0):
    with tf.Graph().as_default() as graph:
        tf.constant(0, name="something")
        with EventFile(str(folder), graph, first_step) as events:
            for step in steps:
                events.add_scalar("loss", 100 + step, step)


def read(folder):
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def test_scalars_are_read_back_with_their_steps(tmp_path):
    write(tmp_path, range(3))
    points = read(tmp_path).Scalars("loss")
    assert [(point.step, point.value) for point in points] == [(0, 100), (1, 101), (2, 102)]


def test_the_graph_is_read_back(tmp_path):
    write(tmp_path, [])
    assert [node.name for node in read(tmp_path).Graph().node] == ["something"]


def test_what_lies_beyond_the_step_that_is_resumed_is_forgotten(tmp_path):
    write(tmp_path, range(5))
    write(tmp_path, range(3, 6), first_step=3)
    assert [point.step for point in read(tmp_path).Scalars("loss")] == [0, 1, 2, 3, 4, 5]


def test_events_that_were_lost_are_noticed(tmp_path):
    lost = pytest.raises(OSError, match="could not be written whole")
    with tf.Graph().as_default() as graph, lost, EventFile(str(tmp_path), graph) as events:
        events.add_scalar("loss", 1, 0)
        events._writer.flush()
        (path,) = tmp_path.iterdir()
        # As a full disk leaves it, which the writer does not report.
        os.truncate(str(path), os.path.getsize(str(path)) - 5)

import importlib
import re

import numpy
import pytest
from PIL import Image

import draw_figures
import mnist_softmax
from input_data import read_data_sets

RUNS = {
    "mnist_softmax": ["--log_dir=run"],
    "mnist_deep": ["--log_dir=run", "--batch_size=5"],
    "fully_connected_feed": ["--log_dir=run", "--hidden1=20", "--hidden2=15"],
    "mnist_layers_estimator": ["--model_dir=run", "--batch_size=5"],
}
FIGURES = {
    "mnist_softmax": ["softmax_weights", "softmax_curves"],
    "mnist_deep": ["deep_curves"],
    "fully_connected_feed": ["fully_connected_curves"],
    "mnist_layers_estimator": ["estimator_curves"],
}


@pytest.fixture(params=sorted(RUNS))
def script(request, run_shortly, monkeypatch):
    """A script's name, after a short run of it into the folder named run."""
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "2")
    printed = run_shortly(
        importlib.import_module(request.param), "--max_steps=11", "--seed=0", *RUNS[request.param]
    )
    accuracy = re.search(r"([0-9.]+)(, global_step.*)?\s*$", printed).group(1)
    return request.param, float(accuracy)


def test_the_figures_of_a_run_are_written_and_named(script, tmp_path, capsys):
    name, _ = script
    draw_figures.main(["run", "--fake_data", "--figures_dir=pictures"])
    written = capsys.readouterr().out.splitlines()[1:]
    model = draw_figures.find_run("run")[0]
    expected = ["digits", *FIGURES[name], f"{model}_confusion", f"{model}_errors"]
    assert written == [f"pictures/{figure}.png" for figure in expected]
    for path in written:
        with Image.open(path) as picture:
            assert len(picture.convert("L").getcolors()) > 10


def test_a_run_is_as_right_as_it_printed(script):
    _, accuracy = script
    test_set = read_data_sets("", fake_data=True, seed=0).test
    predictions = draw_figures.predict(*draw_figures.find_run("run"), test_set)
    assert (predictions == test_set.labels).mean() == pytest.approx(accuracy, abs=5e-5)


def test_the_confusion_matrix_counts_digits_by_row():
    labels, predictions = numpy.array([3, 3, 3, 0], numpy.uint8), numpy.array([3, 3, 8, 0])
    counts = draw_figures.confusion_matrix(labels, predictions)
    assert (counts[3, 3], counts[3, 8], counts[0, 0], counts.sum()) == (2, 1, 1, 4)


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(draw_figures.checkpoints.CheckpointError, match="holds no checkpoint"):
        draw_figures.find_run(str(tmp_path))


def test_a_damaged_checkpoint_is_left_out(run_shortly, capsys):
    for steps in (3, 5):
        run_shortly(mnist_softmax, f"--max_steps={steps}", "--log_dir=run")
    with open("run/model.ckpt-5.data-00000-of-00001", "wb") as data:
        data.write(b"short")
    assert draw_figures.find_run("run") == ("softmax", "run/model.ckpt-3")
    assert "model.ckpt-5 cannot be read" in capsys.readouterr().out


def test_weights_in_favour_are_blue_and_those_against_red():
    W = numpy.zeros((784, 10))
    W[0], W[1] = 2, -2
    for axes in draw_figures.draw_weights(W).axes:
        (picture,) = axes.images
        for_it, against_it, neither = picture.to_rgba(picture.get_array())[0, :3, :3]
        assert for_it[2] > 2 * for_it[0]
        assert against_it[0] > 2 * against_it[2]
        assert neither.min() > 0.9

"""What the networks of the scripts cannot take is refused before any step, in all of them alike."""

import importlib

import numpy
import pytest

from idx_files import NAMES, TEST_IMAGES, TEST_LABELS, TRAIN_LABELS, gzipped, idx_bytes, write_files
from input_data import InvalidDataError

SCRIPTS = {
    "mnist_softmax": ["--max_steps=1"],
    "mnist_deep": ["--max_steps=1"],
    "mnist_layers_estimator": ["--max_steps=1"],
    "fully_connected_feed": ["--max_steps=1"],
    "draw_figures": ["run"],
}
# More training images than the scripts keep for validation.
SHAPES = dict(zip(NAMES, [(5001, 28, 28), (5001,), (10, 28, 28), (10,)]))
NOT_LIKE_MNIST = {
    "letters": ({TRAIN_LABELS: numpy.full(5001, 26)}, "label 26 at position 0"),
    "letters to test": ({TEST_LABELS: numpy.full(10, 26)}, "label 26 at position 0"),
    "another size": ({TEST_IMAGES: numpy.zeros((10, 56, 14))}, "images of 56 x 14 pixels"),
    "nothing to test": (
        {TEST_IMAGES: numpy.zeros((0, 28, 28)), TEST_LABELS: numpy.zeros(0)},
        "5001 training and 0 test examples",
    ),
}


@pytest.mark.parametrize("changed, message", NOT_LIKE_MNIST.values(), ids=NOT_LIKE_MNIST)
@pytest.mark.parametrize("script, flags", SCRIPTS.items(), ids=SCRIPTS)
def test_a_set_that_is_not_like_mnist_is_refused_before_any_step(
    script, flags, changed, message, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    arrays = {**{name: numpy.zeros(shape) for name, shape in SHAPES.items()}, **changed}
    files = {name: gzipped(idx_bytes(array)) for name, array in arrays.items()}
    folder = tmp_path / "data"
    folder.mkdir()
    write_files(folder, files)
    with pytest.raises(InvalidDataError, match=message) as caught:
        importlib.import_module(script).main([*flags, f"--data_dir={folder}"])
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    assert "step" not in "".join(capfd.readouterr()).lower()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == files

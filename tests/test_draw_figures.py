import numpy
from PIL import Image

import draw_figures
from trained.network import Network

FIGURES = {
    "mnist_softmax": ["softmax_weights", "softmax_curves"],
    "mnist_deep": ["deep_curves"],
    "fully_connected_feed": ["fully_connected_curves"],
    "mnist_layers_estimator": ["estimator_curves"],
}


def test_the_figures_of_a_run_are_written_and_named(run_of_a_script, capsys):
    name, _ = run_of_a_script
    draw_figures.main(["run", "--fake_data", "--figures_dir=pictures"])
    written = capsys.readouterr().out.splitlines()[1:]
    model = Network("run").name
    expected = ["digits", *FIGURES[name], f"{model}_confusion", f"{model}_errors"]
    assert written == [f"pictures/{figure}.png" for figure in expected]
    for path in written:
        with Image.open(path) as picture:
            assert len(picture.convert("L").getcolors()) > 10


def test_the_confusion_matrix_counts_digits_by_row():
    labels, predictions = numpy.array([3, 3, 3, 0], numpy.uint8), numpy.array([3, 3, 8, 0])
    counts = draw_figures.confusion_matrix(labels, predictions)
    assert (counts[3, 3], counts[3, 8], counts[0, 0], counts.sum()) == (2, 1, 1, 4)


def test_weights_in_favour_are_blue_and_those_against_red():
    W = numpy.zeros((784, 10))
    W[0], W[1] = 2, -2
    for axes in draw_figures.draw_weights(W).axes:
        (picture,) = axes.images
        for_it, against_it, neither = picture.to_rgba(picture.get_array())[0, :3, :3]
        assert for_it[2] > 2 * for_it[0]
        assert against_it[0] > 2 * against_it[2]
        assert neither.min() > 0.9

import itertools
import shutil
from types import SimpleNamespace

import numpy
import pytest
from PIL import Image

import draw_figures
import mnist_softmax
from digits.network import Network
from input_data import read_data_sets
from training.checkpoints import CheckpointError

FIGURES = {
    "mnist_softmax": ["softmax_weights", "softmax_curves"],
    "mnist_deep": ["deep_filters", "deep_curves"],
    "fully_connected_feed": ["fully_connected_curves"],
    "mnist_layers_estimator": ["estimator_filters", "estimator_curves"],
}


def test_the_figures_of_a_run_are_written_and_named(run_of_a_script, capsys):
    name, _ = run_of_a_script
    draw_figures.main(["run", "--fake_data", "--figures_dir=pictures"])
    written = capsys.readouterr().out.splitlines()[1:]
    model = Network("run").name
    expected = ["digits", *FIGURES[name], f"{model}_confusion", f"{model}_errors"]
    expected += ["deep_feature_maps"] * (name == "mnist_deep")
    assert written == [f"pictures/{figure}.png" for figure in expected]
    for path in written:
        with Image.open(path) as picture:
            assert len(picture.convert("L").getcolors()) > 10
            assert picture.width == 780


def test_the_curves_of_several_runs_are_one_figure_and_the_only_one(run_of_a_script, capsys):
    shutil.copytree("run", "again")
    draw_figures.main(["run", "again", "--figures_dir=pictures"])
    assert capsys.readouterr().out.splitlines() == ["pictures/curves.png"]


def test_a_folder_without_curves_is_refused_among_several_runs(run_shortly, tmp_path):
    run_shortly(mnist_softmax, "--max_steps=1", "--log_dir=run")
    (tmp_path / "empty").mkdir()
    for folder in ("empty", "nowhere"):
        with pytest.raises(CheckpointError, match=f"{folder}: holds no curves"):
            draw_figures.main(["run", folder])


def test_each_run_is_drawn_into_a_folder_of_its_name(monkeypatch, tmp_path, capsys):
    def two_figures(run_dir, data_sets):
        return [(f"{name}.png", draw_figures.new_figure(1)) for name in ("curves", "confusion")]

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("input_data.data_set.FAKE_EXAMPLES", 30)
    monkeypatch.setattr(draw_figures, "figures", two_figures)
    for run_dir in ("logs/a", f"{tmp_path}/logs/b/", "logs/../logs/a"):
        draw_figures.main([run_dir, "--fake_data"])
    monkeypatch.setattr(draw_figures, "figures_of_several", lambda run_dirs: two_figures(*run_dirs))
    draw_figures.main(["logs/a", "logs/b"])
    folders = ["figures/a", "figures/b", "figures/a", "figures"]
    written = [line for line in capsys.readouterr().out.splitlines() if line.endswith(".png")]
    assert written == [
        f"{folder}/{name}.png" for folder in folders for name in ("curves", "confusion")
    ]


@pytest.fixture
def drawn(monkeypatch, capsys):
    """Draws a network with certain weights and probabilities; returns file names and lines."""
    monkeypatch.setattr("input_data.data_set.FAKE_EXAMPLES", 30)

    def draw(name, weights, probabilities_of):
        data_sets = read_data_sets("", fake_data=True, seed=0)
        network = SimpleNamespace(
            name=name,
            prefix="run/model.ckpt-3",
            variable={"W": weights}.get,
            probabilities=lambda images: probabilities_of(data_sets.test.labels),
        )
        monkeypatch.setattr(draw_figures, "Network", lambda run_dir: network)
        names = [name for name, _ in draw_figures.figures("run", data_sets)]
        return names, capsys.readouterr().out.splitlines()

    return draw


@pytest.mark.parametrize(
    "name, why",
    [
        ("softmax", "W has shape (784, 100)"),
        ("network", "no variable has the name of a first layer's in the scripts"),
    ],
)
def test_what_does_not_apply_to_a_network_is_named_in_a_line(name, why, drawn):
    names, lines = drawn(name, numpy.ones([784, 100]), lambda labels: numpy.ones([len(labels), 26]))
    assert names == ["digits.png"]
    assert lines == [
        f"no weights are drawn: {why}",
        "no curves are drawn: the folder has none",
        "no confusion matrix and no errors are drawn: the network has 26 classes",
    ]


def test_a_network_without_errors_is_drawn(drawn):
    names, lines = drawn("softmax", numpy.ones([784, 10]), lambda labels: numpy.eye(10)[labels])
    assert names == ["digits.png", "softmax_weights.png", "softmax_confusion.png"]
    assert lines[1:] == ["no errors are drawn: there are none"]


def curves(count, loss=0.5, noise=0.2):
    steps = numpy.arange(count)
    return {draw_figures.SCALARS["loss"]: (steps, loss + noise * (-1.0) ** steps)}


def test_a_legend_names_the_folders_of_several_runs():
    names = draw_figures.short_names(["logs/a", "logs/b/"])
    figure = draw_figures.draw_curves({name: curves(9) for name in names})
    legend = figure.axes[0].get_legend()
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]


def test_folders_of_the_same_name_are_named_by_their_paths():
    assert draw_figures.short_names(["a/run", "b/run"]) == ["a/run", "b/run"]


def test_two_networks_losses_are_on_the_same_axes():
    axes = {draw_figures.SCALARS[tag][0] for tag in ("cross_entropy", "loss")}
    assert axes == {draw_figures.LOSS}


def test_the_accuracy_on_the_validation_set_is_beside_that_on_the_batch():
    batch = numpy.arange(9), numpy.linspace(0.2, 0.9, 9)
    validation = numpy.array([0, 4, 8]), numpy.array([0.1, 0.6, 0.8])
    curves_of_run = {
        draw_figures.SCALARS["training_accuracy"]: batch,
        draw_figures.SCALARS["validation_accuracy"]: validation,
    }
    (axes,) = draw_figures.draw_curves({"run": curves_of_run}).axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "training batch",
        "validation set",
    ]
    assert (axes.lines[-1].get_xydata() == numpy.transpose(validation)).all()


def test_a_smoothed_curve_is_on_top_of_the_raw_one():
    (axes,) = draw_figures.draw_curves({"run": curves(500)}).axes
    raw, smooth = axes.lines
    assert numpy.ptp(smooth.get_ydata()[20:]) < numpy.ptp(raw.get_ydata()) / 5
    assert smooth.get_zorder() >= raw.get_zorder()
    assert smooth.get_linewidth() > raw.get_linewidth()


def test_smoothing_keeps_the_start_and_a_straight_line():
    line = numpy.linspace(3, 1, 300)
    smooth = draw_figures.smoothed(line)
    assert smooth[0] == line[0]
    assert numpy.allclose(smooth[:-6], line[:-6])
    assert draw_figures.smoothed(numpy.array([5.0])) == [5]


def test_the_axis_of_a_loss_is_logarithmic_and_says_what_it_is():
    (axes,) = draw_figures.draw_curves({"run": curves(100)}).axes
    assert axes.get_yscale() == "log"
    assert axes.get_ylabel() == "loss (cross-entropy)"
    assert axes.get_xlabel() == "training step"


def test_the_axis_of_an_accuracy_shows_the_later_values_and_cuts_off_the_start():
    steps = numpy.arange(0, 20000, 100)
    accuracies = 1 - 0.9 * numpy.exp(-steps / 300) - 0.02
    curves_of_run = {draw_figures.SCALARS["training_accuracy"]: (steps, accuracies)}
    (axes,) = draw_figures.draw_curves({"run": curves_of_run}).axes
    bottom, top = axes.get_ylim()
    assert accuracies[0] < 0.5 < bottom < accuracies[20:].min() < accuracies[-1] < top


@pytest.mark.parametrize("count", [1, 2])
def test_the_first_accuracies_of_a_run_are_drawn(count):
    curves_of_run = {draw_figures.SCALARS["accuracy"]: (numpy.arange(count), numpy.ones(count))}
    draw_figures.draw_curves({"run": curves_of_run}).savefig(draw_figures.io.BytesIO())


def test_a_loss_of_nothing_but_zeros_is_drawn():
    draw_figures.draw_curves({"run": curves(9, loss=0, noise=0)}).savefig(draw_figures.io.BytesIO())


def test_the_confusion_matrix_counts_digits_by_row():
    labels, predictions = numpy.array([3, 3, 3, 0], numpy.uint8), numpy.array([3, 3, 8, 0])
    counts = draw_figures.confusion_matrix(labels, predictions)
    assert (counts[3, 3], counts[3, 8], counts[0, 0], counts.sum()) == (2, 1, 1, 4)


def test_errors_are_sorted_by_how_sure_the_network_was():
    probabilities = numpy.full([4, 10], 0.01)
    sure = [0.5, 0.9, 0.7, 0.8]
    probabilities[numpy.arange(4), [1, 2, 3, 4]] = sure
    labels = numpy.array([0, 2, 0, 0])
    assert list(draw_figures.surest_errors(labels, probabilities)) == [3, 2, 0]


def test_the_probability_of_an_error_is_never_written_as_certainty():
    written = [draw_figures.percent(probability) for probability in (0.5, 0.9987, 0.99996, 1.0)]
    assert written == ["50.0%", "99.9%", ">99.9%", ">99.9%"]


def test_weights_in_favour_are_blue_and_those_against_red():
    W = numpy.zeros((784, 10))
    W[0], W[1] = 2, -2
    *of_digits, _ = draw_figures.draw_weights(W).axes
    assert len(of_digits) == 10
    for axes in of_digits:
        (picture,) = axes.images
        for_it, against_it, neither = picture.to_rgba(picture.get_array())[0, :3, :3]
        assert for_it[2] > 2 * for_it[0]
        assert against_it[0] > 2 * against_it[2]
        assert neither.min() > 0.9


def test_a_scale_is_beside_the_weights():
    W = numpy.zeros((784, 10))
    W[0, 3] = -2
    *_, scale = draw_figures.draw_weights(W).axes
    assert scale.get_ylim() == (-2, 2)


def test_each_filter_of_the_first_layer_is_a_picture():
    kernel = numpy.random.RandomState(0).normal(size=[5, 5, 1, 32])
    *pictures, _ = draw_figures.draw_filters(kernel).axes
    for number, axes in itertools.zip_longest(range(32), pictures):
        assert (axes.images[0].get_array() == kernel[:, :, 0, number]).all()

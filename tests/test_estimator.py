from robust import estimator

import pytest

import mnist_layers_estimator


def test_a_network_without_training_is_not_evaluated(run_shortly, monkeypatch, tmp_path):
    monkeypatch.setattr(estimator, "train", lambda *arguments: None)
    with pytest.raises(estimator.CheckpointError, match=f"{tmp_path}/run: TensorFlow found no"):
        run_shortly(mnist_layers_estimator, "--model_dir=run", "--quiet")

import argparse
import json
import re
import signal

import pytest
import tensorflow.compat.v1 as tf

from local_cluster import SCRIPT, LocalCluster
from short_runs import finish, start
from training.cluster import ClusterError, is_distributed, run_config

STEPS_WITHOUT_END = 10**6
LAST_STEPS = 200


def steps_seen(log):
    return [int(step) for step in re.findall(r"loss = [0-9.]+, step = (\d+)", log)]


def saved_steps(model_dir):
    return [
        int(re.search(r"-(\d+)$", prefix).group(1))
        for prefix in tf.train.get_checkpoint_state(model_dir).all_model_checkpoint_paths
    ]


def config_of(log_dir):
    return run_config(argparse.Namespace(log_dir=str(log_dir), export_dir=None, seed=None))


def test_without_tf_config_there_is_one_process(monkeypatch, tmp_path):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    assert not is_distributed(config_of(tmp_path))


@pytest.mark.parametrize(
    "text",
    [
        "not json",
        "[]",
        "7",
        '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}',
        '{"cluster": {"chief": ["a:1"]}}',
        '{"cluster": {"chief": ["a:1"]}, "task": {"type": "chief", "index": 3}}',
        '{"cluster": {"chief": ["a:1"]}, "task": {"type": "cook", "index": 0}}',
    ],
)
def test_a_tf_config_that_is_no_cluster_is_refused(monkeypatch, text, tmp_path):
    monkeypatch.setenv("TF_CONFIG", text)
    with pytest.raises(ClusterError, match="TF_CONFIG .*docs/engineering/distributed.md"):
        config_of(tmp_path)


def test_a_cluster_needs_a_folder_that_all_tasks_share(monkeypatch):
    cluster = {"chief": ["127.0.0.1:1"]}
    monkeypatch.setenv(
        "TF_CONFIG", json.dumps({"cluster": cluster, "task": {"type": "chief", "index": 0}})
    )
    code, _, err = finish(start(SCRIPT))
    assert (code, err.count("\n")) == (1, 1)
    assert "--model_dir" in err


@pytest.mark.parametrize("task", ["chief", "worker", "ps", "evaluator"])
def test_a_folder_that_only_a_relative_path_names_is_refused_to_a_cluster(
    monkeypatch, tmp_path, task
):
    cluster = {"chief": ["a:1"], "worker": ["b:1"], "ps": ["c:1"]}
    config = {"cluster": cluster, "task": {"type": task, "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    monkeypatch.setattr("training.cluster._serve_variables", lambda config: None)
    assert config_of(tmp_path).model_dir == str(tmp_path)
    course = tmp_path / "[course]"
    course.mkdir()
    monkeypatch.chdir(course)
    with pytest.raises(ClusterError, match=r"\[course\]/model: TensorFlow misreads this path"):
        config_of("model")


@pytest.mark.thorough
def test_a_cluster_trains_together_to_one_step_through_kills(tmp_path):
    with LocalCluster(tmp_path, "--batch_size=5", checkpoint_steps=20) as cluster:

        def restart(*tasks, max_steps):
            for task in tasks:
                cluster.kill(task)
            cluster.start(*tasks, max_steps=max_steps)

        def restart_and_see_it_train(task):
            lines = len(steps_seen(cluster.log(task)))
            restart(task, max_steps=STEPS_WITHOUT_END)
            cluster.wait_for(lambda: len(steps_seen(cluster.log(task))) > lines)

        cluster.start("ps", "chief", "worker", "evaluator", max_steps=STEPS_WITHOUT_END)
        cluster.wait_for(lambda: steps_seen(cluster.log("worker")))
        restart_and_see_it_train("worker")
        kept = [max(saved_steps(cluster.model_dir))]
        restart_and_see_it_train("chief")
        kept.append(max(saved_steps(cluster.model_dir)))
        end = kept[-1] + LAST_STEPS
        restart("worker", "evaluator", "chief", max_steps=end)
        assert (cluster.wait("chief"), cluster.wait("worker")) == (0, 0)

        resumed = re.findall(r"resuming at step (\d+) from", cluster.log("chief"))
        assert len(resumed) == 2
        for step, kept_before in zip(resumed, kept):
            assert 0 < kept_before <= int(step) < end
        assert max(saved_steps(cluster.model_dir)) >= end
        # What the others have trained, a worker that was restarted goes on with.
        started, restarted = steps_seen(cluster.log("worker"))[:2]
        assert started < restarted
        assert cluster.wait("evaluator") == 0
        last = re.findall(r"Saving dict for global step (\d+): accuracy", cluster.log("evaluator"))
        assert int(last[-1]) >= end
        assert cluster.terminate("ps") == -signal.SIGTERM


@pytest.mark.thorough
def test_a_parameter_server_that_was_killed_is_given_the_last_checkpoint(tmp_path):
    with LocalCluster(tmp_path, "--batch_size=5", checkpoint_steps=20) as cluster:
        cluster.start("ps", "chief", max_steps=STEPS_WITHOUT_END)
        cluster.wait_for(lambda: len(steps_seen(cluster.log("chief"))) > 1)
        cluster.kill("ps")
        kept, lines = max(saved_steps(cluster.model_dir)), len(steps_seen(cluster.log("chief")))
        cluster.start("ps", max_steps=STEPS_WITHOUT_END)
        cluster.wait_for(lambda: len(steps_seen(cluster.log("chief"))) > lines)
        assert steps_seen(cluster.log("chief"))[lines] >= kept > 0


@pytest.mark.thorough
def test_a_cluster_whose_training_diverges_says_so_in_one_line(tmp_path):
    with LocalCluster(tmp_path, "--batch_size=5", "--learning_rate=1e38") as cluster:
        cluster.start("ps", "chief", max_steps=STEPS_WITHOUT_END)
        assert cluster.wait("chief") == 1
        assert f"{SCRIPT}.py: error: the loss is not finite" in cluster.log("chief")
        assert "Traceback" not in cluster.log("chief")

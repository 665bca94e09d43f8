"""Serves MNIST in minibatches, with TensorFlow 1.x's interface but without TensorFlow."""

from input_data.data_set import DataSet
from input_data.data_sets import Datasets, load_mnist, read_data_sets
from input_data.download import DEFAULT_SOURCE_URL, DownloadError
from input_data.idx import InvalidDataError, dense_to_one_hot, extract_images, extract_labels

__all__ = [
    "DEFAULT_SOURCE_URL",
    "DataSet",
    "Datasets",
    "DownloadError",
    "InvalidDataError",
    "dense_to_one_hot",
    "extract_images",
    "extract_labels",
    "load_mnist",
    "read_data_sets",
]

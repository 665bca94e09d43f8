import numpy
import pytest

from mnist.divergence import check_finite


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), numpy.float32("-inf")])
def test_a_loss_that_is_not_finite_is_refused_with_its_step(loss):
    with pytest.raises(FloatingPointError, match="at step 7: .*--learning_rate"):
        check_finite(loss, 7)


def test_a_finite_loss_passes():
    check_finite(numpy.float32(2.3), 1)

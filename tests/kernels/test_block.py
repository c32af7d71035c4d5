"""Block kernels: sums, selections and scales keep the axes and the layers straight."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune import spectrum
from lintune.errors import InputError
from lintune.kernels import BlockKernel, flat


def kernel(layers: str = "a b c", n: int = 4, m: int = 4, k: int = 2, seed: int = 0) -> BlockKernel:
    """Return the kernel of random gradients, symmetric where n == m."""
    names = tuple(layers.split())
    gradients = np.random.default_rng(seed).normal(size=(len(names), max(n, m), k, 5)) + 0.5
    return BlockKernel(names, np.einsum("licp,ljdp->licjd", gradients[:, :n], gradients[:, :m]))


@pytest.mark.parametrize(
    ("layers", "blocks", "complaint"),
    [
        (("a",), np.zeros((2, 3, 1, 3, 1)), r"\(2, 3, 1, 3, 1\) must be \(L, n, k, m, k\) with L=1"),
        (("a",), np.zeros((1, 3, 1, 3, 2)), "must be"),
        (("a",), np.zeros((1, 3, 3)), "must be"),
        (("a",), np.zeros((1, 3, 1, 3, 1), dtype=np.float32), "dtype float32 must be float64"),
        (("a", "b", "a"), np.zeros((3, 2, 1, 2, 1)), r"layers=\['a'\] occur more than once"),
    ],
)
def test_blocks_that_are_no_kernel_are_refused(
    layers: tuple[str, ...], blocks: np.ndarray, complaint: str
) -> None:
    with pytest.raises(InputError, match=complaint):
        BlockKernel(layers, blocks)


def test_the_convention_is_that_of_the_axes() -> None:
    """Entry [l, i, c, j, d] is at row i k + c and column j k + d of the matrix of layer l."""
    one = kernel(n=4, m=3)
    assert one.convention == "(L, n, k, m, k)"
    for place, block in enumerate(one.blocks):
        assert flat(block)[2 * 2 + 1, 1 * 2 + 0] == one.blocks[place, 2, 1, 1, 0]


def test_total_select_and_between() -> None:
    one = kernel("x.q x.v y.q")
    np.testing.assert_allclose(one.total(), one.blocks[0] + one.blocks[1] + one.blocks[2])
    queries = one.select("*.q")
    assert queries.layers == ("x.q", "y.q")
    np.testing.assert_array_equal(queries.blocks, one.blocks[[0, 2]])
    with pytest.raises(InputError, match=r"layers='\*\.k' matches none of the kernel's 3 layers"):
        one.select("*.k")
    part = one.between([3, 0], [1])
    np.testing.assert_array_equal(part.blocks[:, 1, :, 0], one.blocks[:, 0, :, 1])
    assert part.blocks.shape == (3, 2, 2, 1, 2)


def test_a_sum_joins_layers_and_adds_shared_ones() -> None:
    left, right = kernel("a b", m=3), kernel("c b", m=3, seed=1)
    both = left + right
    assert both.layers == ("a", "b", "c")
    np.testing.assert_array_equal(both.blocks[0], left.blocks[0])
    np.testing.assert_array_equal(both.blocks[1], left.blocks[1] + right.blocks[1])
    np.testing.assert_array_equal(both.blocks[2], right.blocks[0])
    np.testing.assert_allclose(both.total(), left.total() + right.total())
    assert (left.layers, right.layers) == (("a", "b"), ("c", "b"))


def test_parts_of_a_kernel_sum_to_it() -> None:
    whole = kernel("x.q x.v")
    parts = whole.select("*.q") + whole.select("*.v")
    assert parts.layers == whole.layers
    np.testing.assert_array_equal(parts.blocks, whole.blocks)


@pytest.mark.parametrize(("n", "m", "k"), [(3, 4, 2), (4, 3, 2), (4, 4, 1)])
def test_kernels_of_other_examples_or_outputs_do_not_add(n: int, m: int, k: int) -> None:
    with pytest.raises(InputError, match=r"n, k and m must agree in \(L, n, k, m, k\)"):
        kernel() + kernel(n=n, m=m, k=k)


@given(st.floats(1e-6, 1e6), st.integers(1, 3), st.integers(2, 5))
def test_normalised_totals_have_their_scale_whatever_it_was(scale: float, k: int, n: int) -> None:
    one = kernel(n=n, m=n, k=k)
    other = BlockKernel(one.layers, scale * one.blocks)
    trace = other.normalised("trace")
    assert np.trace(flat(trace.total())) == pytest.approx(n * k)
    assert np.linalg.norm(other.normalised("frobenius").total()) == pytest.approx(1)
    centred = other.normalised("centred").total()
    assert np.linalg.norm(centred) == pytest.approx(1)
    np.testing.assert_allclose(centred.sum(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(centred.sum(axis=2), 0, atol=1e-12)
    for by in ("trace", "frobenius", "centred"):
        np.testing.assert_allclose(
            other.normalised(by).blocks, one.normalised(by).blocks, rtol=1e-9, atol=1e-12
        )


def test_normalised_blocks_keep_their_proportions() -> None:
    one = kernel()
    for by in ("trace", "frobenius"):
        ratio = one.normalised(by).blocks / one.blocks
        np.testing.assert_allclose(ratio, ratio.flat[0])


def test_inner_products_of_centred_kernels_are_centred_alignments() -> None:
    left, right = kernel(k=1), kernel("z", k=1, seed=3)
    inner = float((left.normalised("centred").total() * right.normalised("centred").total()).sum())
    assert inner == pytest.approx(spectrum.alignment(flat(left.total()), flat(right.total())))


def test_a_cross_kernel_has_a_norm_but_no_trace() -> None:
    one = kernel(m=3)
    assert np.linalg.norm(one.normalised("frobenius").total()) == pytest.approx(1)
    assert np.linalg.norm(one.normalised("centred").total()) == pytest.approx(1)
    with pytest.raises(InputError, match="n=4 and m=3"):
        one.normalised("trace")


@pytest.mark.parametrize(
    ("blocks", "by", "complaint"),
    [
        (np.eye(2), "tracee", r"by='tracee' is not known. Did you mean 'trace'\?.*centred, frobenius, trace"),
        (np.zeros((2, 2)), "trace", "positive, finite trace; the mean diagonal entry is 0.0"),
        (-np.eye(2), "trace", "entry is -1.0"),
        (np.full((2, 2), np.nan), "trace", "entry is nan"),
        (np.zeros((2, 2)), "frobenius", "zero up to rounding"),
        (np.full((2, 2), np.inf), "frobenius", "not finite"),
        (np.full((3, 3), 0.1), "centred", "zero up to rounding"),
        (np.zeros((2, 2)), "centred", "zero up to rounding"),
    ],
)
def test_what_has_no_scale_is_refused(blocks: np.ndarray, by: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        BlockKernel(("a",), blocks[None, :, None, :, None]).normalised(by)

"""The output layer and its softmax loss for training, computed by the native operations."""

from __future__ import annotations

from typing import Any

from seqtag.neural._tensorflow import tf
from seqtag.neural.native import NativeOperations, n_parts


def native_cross_entropy(
    operations: NativeOperations, x: Any, kernel: Any, bias: Any, tag_ids: Any, weights: Any
) -> Any:
    """Return the softmax loss of `x @ kernel + bias` in nats, summed over tokens: `<float32>[]`.

    Tokens of weight 0 cost nothing. Parts of the batch run in parallel. Equal inputs give equal bytes on a
    machine with as many processors.

    Args:
        operations: the native operations.
        x: `<float32>[batch, time, feature]`.
        kernel: `<float32>[feature, n_tags]`.
        bias: `<float32>[n_tags]`.
        tag_ids: `<int32>[batch, time]`.
        weights: `<float32>[batch, time]`, weight of each token.
    """
    # A part has one operation, where the LSTM has one for each direction: so as many run in parallel. One
    # processor has two parts as well, so that its results equal those of two and three.
    parts = 2 * n_parts()

    @tf.custom_gradient  # type: ignore[untyped-decorator]  # tensorflow is untyped
    def loss(x: Any, kernel: Any, bias: Any) -> Any:
        inputs = (x, kernel, bias, tag_ids, weights)
        losses, saved = zip(
            *(operations.cross_entropy(*inputs, part=part, parts=parts) for part in range(parts)), strict=True
        )

        def gradient(upstream: Any) -> tuple[Any, Any, Any]:
            array = operations.array(x, size=x.shape[2])
            d_weights = [
                operations.cross_entropy_gradient(*inputs, of_part, upstream, array, part=part, parts=parts)
                for part, of_part in enumerate(saved)
            ]
            d_x = operations.filled(array, [d_kernel for d_kernel, _ in d_weights])
            d_kernel, d_bias = (tf.add_n(of_parts) for of_parts in zip(*d_weights, strict=True))
            return tf.ensure_shape(d_x, x.shape), d_kernel, d_bias

        return tf.ensure_shape(tf.add_n(losses), []), gradient

    return loss(x, kernel, bias)

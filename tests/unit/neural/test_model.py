import numpy as np
import pytest

from seqtag.neural._tensorflow import keras
from seqtag.neural.model import RECIPES, seed_model


def configs(model):
    return [(type(layer), layer.get_config()) for layer in model.layers]


def test_seed_is_embedding_spatial_dropout_bilstm_and_a_softmax_at_each_step():
    (_, tokens), (words, w), (dropout, d), (both, b), (each, t) = configs(seed_model(7, 3, mode="training"))
    assert tokens["batch_shape"] == (None, None)
    assert words is keras.layers.Embedding
    assert (w["input_dim"], w["output_dim"], w["mask_zero"]) == (7, 50, True)
    assert dropout is keras.layers.SpatialDropout1D
    assert d["rate"] == 0.1
    assert both is keras.layers.Bidirectional
    assert b["merge_mode"] == "concat"
    for direction in ("layer", "backward_layer"):
        lstm = b[direction]
        assert lstm["class_name"] == "LSTM"
        settings = {
            name: lstm["config"][name] for name in ("units", "dropout", "recurrent_dropout", "unroll")
        }
        assert settings == {"units": 100, "dropout": 0.0, "recurrent_dropout": 0.1, "unroll": False}
        assert lstm["config"]["return_sequences"] is True
        assert lstm["config"]["activation"] == "tanh"
        assert lstm["config"]["recurrent_activation"] == "sigmoid"
    assert issubclass(each, keras.layers.TimeDistributed)
    assert t["layer"]["class_name"] == "Dense"
    assert (t["layer"]["config"]["units"], t["layer"]["config"]["activation"]) == (3, "softmax")


def test_both_modes_have_the_same_weights_under_the_same_paths():
    shapes = [
        {weight.path: tuple(weight.shape) for weight in seed_model(7, 3, mode=mode).weights}
        for mode in ("training", "reading")
    ]
    assert shapes[0] == shapes[1]
    assert shapes[0]["bilstm/forward_lstm/lstm_cell/kernel"] == (50, 400)
    assert len(shapes[0]) == 9


def test_reading_differs_from_training_in_nothing_but_dropout():
    training, reading = (seed_model(7, 3, mode=mode) for mode in ("training", "reading"))
    for (kind, config), (other_kind, other) in zip(configs(training), configs(reading), strict=True):
        assert kind is other_kind
        assert str(config).replace("'recurrent_dropout': 0.1", "'recurrent_dropout': 0.0").replace(
            "'rate': 0.1", "'rate': 0.0"
        ) == str(other)


def test_softmax_at_each_step_equals_keras_time_distributed():
    inputs = np.random.default_rng(0).normal(size=(2, 5, 200)).astype("float32")
    ours = seed_model(7, 3, mode="reading").get_layer("tags")
    theirs = keras.layers.TimeDistributed(ours.layer)
    np.testing.assert_allclose(ours(inputs), theirs(inputs), rtol=1e-6)


@pytest.mark.parametrize("recipe", RECIPES)
def test_probabilities_sum_to_one_at_every_token(recipe):
    model = RECIPES[recipe](7, 3, mode="reading")
    probabilities = model(np.array([[2, 3, 0], [4, 0, 0]], dtype=np.int32))
    assert probabilities.shape == (2, 3, 3)
    np.testing.assert_allclose(np.sum(probabilities, axis=-1), 1.0, rtol=1e-5)

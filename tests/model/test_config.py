from __future__ import annotations

import json

import pytest

import specformer as sf
from specformer.model import PRESETS, SpecformerConfig
from specformer.model._read_config import read_config


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_valid_and_differ_from_the_published_recipe_in_size_alone(name):
    config = SpecformerConfig.preset(name, vocab_size=103)
    sizes = {"num_hidden_layers", "hidden_size", "num_attention_heads", "intermediate_size", "window_size", "stride"}
    changed = {key for key, value in config.to_dict().items() if value != SpecformerConfig().to_dict()[key]}
    assert changed <= sizes | {"vocab_size", "n_dims", "max_position_embeddings"}
    assert (config.token, config.weighting, config.n_genes) == ("additive", "tfidf", 100)


def test_base_is_the_published_size():
    config = SpecformerConfig.preset("base")
    assert (config.num_hidden_layers, config.hidden_size) == (12, 768)
    assert (config.num_attention_heads, config.intermediate_size) == (12, 3072)
    assert (config.window_size, config.stride) == (512, 256)


def test_overrides_win_and_survive_a_file(tmp_path):
    config = SpecformerConfig.preset("mini", hidden_size=64, token="film", cls_token=True, n_anchor=8, n_dims=4)
    config.save_pretrained(tmp_path)
    again = SpecformerConfig.from_pretrained(tmp_path)
    assert again.to_dict() == config.to_dict()
    assert (again.hidden_size, again.token, again.n_dims, again.n_anchor) == (64, "film", 4, 8)
    assert again.max_position_embeddings == 513


def test_written_file_names_weighting_and_version(tmp_path):
    SpecformerConfig().save_pretrained(tmp_path)
    written = json.loads((tmp_path / "config.json").read_text())
    assert written["weighting"] == "tfidf"
    assert written["n_reference_obs"] == 0
    assert sf.__version__.startswith(written["specformer_version"])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"token": "sum"}, r"`token` is 'sum'; expected one of 'additive', 'film'"),
        ({"pooling": "max"}, r"`pooling` is 'max'; expected one of 'mean', 'attention', 'gated_attention'"),
        ({"weighting": "bm25"}, r"`weighting` is 'bm25'; expected one of 'tfidf'"),
        ({"window_embedding": "first"}, r"`window_embedding` is 'first'"),
        ({"window_embedding": "cls"}, r"needs `cls_token=True`"),
        ({"window_size": 0}, r"`window_size` is 0; expected an integer of at least 1"),
        ({"stride": 2.5}, r"`stride` is 2.5; expected an integer"),
        ({"stride": 513}, r"`stride` 513 is above `window_size` 512, which would leave genes out"),
        ({"vocab_size": 3}, r"`vocab_size` is 3; expected more than the 3 special tokens"),
        ({"hidden_size": 130}, r"`hidden_size` 130 is no multiple of `num_attention_heads` 4"),
        ({"n_anchor": 8}, r"`n_anchor` is 8, which needs `cls_token=True`"),
        ({"n_anchor": 8, "cls_token": True, "noise_variance": 0.0}, r"`noise_variance` is 0.0; an anchor needs one"),
        ({"n_anchor": 8, "cls_token": True, "n_dims": 9}, r"`n_dims` is 9; with an anchor it is between 1 and"),
        ({"n_dims": 64}, r"`n_dims` is 64; without an anchor it is `hidden_size` = 128"),
        ({"specformer_version": "99.0.1"}, r"made by specformer 99.0.1; installed is .*pip install --upgrade"),
        ({"specformer_version": "newest"}, r"`specformer_version` is 'newest', which is no version"),
        ({"hiden_size": 64}, r"A SpecformerConfig has no 'hiden_size'. It has: .*hidden_size"),
    ],
)
def test_what_cannot_be_is_refused(overrides, message):
    with pytest.raises(ValueError, match=message):
        SpecformerConfig.preset("mini", **overrides)


def test_unknown_preset_names_the_known_ones():
    with pytest.raises(ValueError, match=r"'tiny'; expected one of 'mini', 'small', 'base', 'base-2048', 'large'"):
        SpecformerConfig.preset("tiny")


def test_a_zero_without_a_point_is_a_number_too(tmp_path):
    config = {"model_type": "specformer", "hidden_dropout_prob": 0, "layer_norm_eps": 0, "noise_variance": 1}
    (tmp_path / "config.json").write_text(json.dumps(config))
    found, _ = read_config(tmp_path / "config.json")
    assert (found.hidden_dropout_prob, found.layer_norm_eps, found.noise_variance) == (0.0, 0.0, 1.0)

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import BertConfig, BertForMaskedLM

from specformer.genes import MASK, N_SPECIAL, GeneVocabulary
from specformer.model import SpecformerForSamples, from_bert, load, save

N_GENES = 40


@pytest.fixture
def names():
    """Tokens of another maker: other special ones, in other places, genes by Ensembl id in no order."""
    rng = np.random.default_rng(1)
    genes = [f"ENSG{i:011d}.{i % 3 + 1}" for i in rng.permutation(N_GENES)]
    return ["[UNK]", "[PAD]", *genes[:7], "[MASK]", "[CLS]", *genes[7:], "[SEP]"]


@pytest.fixture
def bert(names):
    config = BertConfig(
        vocab_size=len(names), hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=48,
        max_position_embeddings=17, pad_token_id=1, layer_norm_eps=1e-6,
    )  # fmt: skip
    model = BertForMaskedLM(config).eval()
    with torch.no_grad():  # as after training: no row, bias or norm is trivial
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) / 5)
    return model


@pytest.fixture
def released(bert, tmp_path):
    bert.save_pretrained(tmp_path / "released")
    return tmp_path / "released"


@pytest.mark.parametrize("cls_token", [False, True])
@torch.no_grad()
def test_logits_are_those_of_transformers(bert, released, names, cls_token):
    loaded = from_bert(released, names, cls_token=cls_token)
    assert loaded.config.window_size == 17 - cls_token
    number = {name.split(".")[0]: i for i, name in enumerate(names)}
    theirs = torch.tensor([number["[PAD]"], number["[CLS]"], number["[MASK]"], *(number[x] for x in loaded.genes.ids)])

    windows = torch.stack([torch.randperm(N_GENES)[:16] for _ in range(5)]) + N_SPECIAL
    windows[:, [2, 9]] = MASK
    ours = loaded.model(windows)
    sentence = theirs[windows]
    if cls_token:
        sentence = torch.cat([torch.full((5, 1), number["[CLS]"]), sentence], dim=1)
    expected = bert(sentence, output_hidden_states=True)
    is_masked = sentence == number["[MASK]"]
    torch.testing.assert_close(ours.logits, expected.logits[is_masked][:, theirs], atol=1e-5, rtol=1e-5)
    states = loaded.model.specformer(windows)
    torch.testing.assert_close(
        states.last_hidden_state, expected.hidden_states[-1][:, int(cls_token) :], atol=1e-5, rtol=1e-5
    )
    assert expected.logits.std() > 0.1, "weights that are all alike would agree in any order"


@torch.no_grad()
def test_written_it_is_a_checkpoint_like_any_other(released, names, tmp_path):
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"ensembl": [f"ENSG{i:011d}" for i in range(5, 60)], "scale": rng.random(55)})
    reference = GeneVocabulary.from_table(table, weighting="median", n_obs=9)
    model, genes, config, _, _ = from_bert(released, names, reference=reference, window_size=8)
    assert len(genes) == N_GENES - 5, "those that the reference knows"
    assert (config.weighting, config.n_reference_obs, config.window_size, config.stride) == ("median", 9, 8, 4)
    assert np.isfinite(genes.table["scale"]).all()
    again = load(save(tmp_path / "own", model, genes), SpecformerForSamples)
    windows = (torch.stack([torch.randperm(len(genes)) for _ in range(3)]) + N_SPECIAL)[:, None, :8]
    expected = model.specformer(windows[:, 0]).last_hidden_state.mean(dim=1)
    torch.testing.assert_close(again.model(windows).vector, expected)


def test_tokens_may_stand_in_files(released, names, tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(names) + "\n")
    (tmp_path / "vocab.json").write_text(json.dumps({name: i for i, name in enumerate(names)}))
    expected = from_bert(released, names).model.state_dict()
    for file in ("vocab.txt", "vocab.json"):
        found = from_bert(released, tmp_path / file).model.state_dict()
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_symbols_and_other_writings_of_special_tokens(bert, released):
    symbols = [f"GENE{i}" for i in range(N_GENES)]
    found = from_bert(released, ["<pad>", "<mask>", *symbols, "<cls>", "<unk>", "<s>"])
    assert set(found.genes.symbols) == set(symbols)
    row = found.genes.symbols.tolist().index("GENE7") + N_SPECIAL
    own = found.model.specformer.get_input_embeddings().weight
    assert torch.equal(own[row], bert.bert.embeddings.word_embeddings.weight[9])


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda names: names[:-2], r"it is no BertForMaskedLM with the 43 tokens"),
        (
            lambda names: [name.replace("[MASK]", "[X]") for name in names],
            r"Did not find '\[MASK\]' among the 45 tokens",
        ),
        (lambda names: [*names[:-1], names[5]], "Tokens stand there more than once: 'ENSG"),
        (lambda names: {name: 2 * i for i, name in enumerate(names)}, "are not 0 to 44, each once"),
        (lambda names: [1, 2], "Expected tokens as a list of names"),
    ],
)
def test_tokens_that_cannot_be(released, names, spoil, message):
    with pytest.raises(ValueError, match=message):
        from_bert(released, spoil(names))


def test_what_is_no_such_model_is_refused(bert, released, names, tmp_path):
    with pytest.raises(ValueError, match="needs 18 positions"):
        from_bert(released, names, window_size=18)
    with pytest.raises(FileNotFoundError, match=r"lacks 'config.json', 'model.safetensors'"):
        from_bert(tmp_path, names)
    config = json.loads((released / "config.json").read_text())
    for entries, message in (
        ({"model_type": "gpt2"}, "describes a 'gpt2'"),
        ({"num_hidden_layers": 3}, "lacks 'bert.encoder.layer.2"),
        ({"hidden_size": 10**9}, "no multiple|other shapes"),
        ({"num_attention_heads": 0}, "`num_attention_heads` is '0'; expected an integer of at least 1"),
    ):
        (released / "config.json").write_text(json.dumps(config | entries))
        with pytest.raises(ValueError, match=message):
            from_bert(released, names)
    (released / "config.json").write_text(json.dumps(config))
    bert.cls.predictions.decoder.weight = torch.nn.Parameter(torch.randn(len(names), 32))
    bert.config.tie_word_embeddings = False
    bert.save_pretrained(released)
    with pytest.raises(ValueError, match="decoder of its own"):
        from_bert(released, names)


def test_our_own_reader_sends_there(released):
    (released / "genes.csv").write_text("symbol,ensembl,entrez,aliases\n")
    with pytest.raises(ValueError, match=r"`sf.model.from_bert`"):
        load(released)

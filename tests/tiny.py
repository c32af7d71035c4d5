"""Tiny random models of real architectures, and a tokeniser whose words are single tokens."""

from functools import cache

import torch
import transformers
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from lintune.models import Pretrained
from lintune.models.fingerprint import fingerprint

WORDS = (
    "a the film was is not very good bad great terrible it this and of one two three long short dull "
    "bright funny sad plot story actor music x text that than other longer . , ?"
).split()
_SIZES: dict[str, object] = {
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}


@cache
def tokenizer(masked: bool = False) -> PreTrainedTokenizerFast:
    """Return a word-level tokeniser; with BERT's special tokens around each text when masked."""
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    vocabulary = {word: place for place, word in enumerate(special + WORDS)}
    backend = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    if masked:
        backend.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    names = {"pad_token": "[PAD]", "unk_token": "[UNK]"} | ({"mask_token": "[MASK]"} if masked else {})
    return PreTrainedTokenizerFast(tokenizer_object=backend, **names)


# Name -> (kind, configuration class, extra configuration). Between them: grouped-query attention, sliding
# windows, soft caps, transposed weights, norms within heads, learnt positions, ALiBi, parallel blocks,
# tied heads, fused q/k/v, post-norm encoders,
# outputs that are written over.
ARCHITECTURES: dict[str, tuple[str, str, dict[str, object]]] = {
    "llama": ("causal", "LlamaConfig", _SIZES | {"num_key_value_heads": 2}),
    "mistral-window": ("causal", "MistralConfig", _SIZES | {"num_key_value_heads": 2, "sliding_window": 4}),
    "qwen2": ("causal", "Qwen2Config", _SIZES | {"num_key_value_heads": 2, "tie_word_embeddings": True}),
    "gemma2-softcap": (
        "causal",
        "Gemma2Config",
        _SIZES | {"num_key_value_heads": 2, "head_dim": 4, "query_pre_attn_scalar": 4},
    ),
    "gpt-neox": ("causal", "GPTNeoXConfig", _SIZES),
    "qwen3-qk-norm": ("causal", "Qwen3Config", _SIZES | {"num_key_value_heads": 2, "head_dim": 4}),
    "gpt2-conv1d": ("causal", "GPT2Config", {"n_embd": 16, "n_layer": 2, "n_head": 4}),
    "opt": (
        "causal",
        "OPTConfig",
        {
            "hidden_size": 16,
            "ffn_dim": 24,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "word_embed_proj_dim": 16,
        },
    ),
    "bloom-alibi": ("causal", "BloomConfig", {"hidden_size": 16, "n_layer": 2, "n_head": 4}),
    "falcon-in-place": ("causal", "FalconConfig", _SIZES),
    "bert": ("masked", "BertConfig", _SIZES),
    "roberta": ("masked", "RobertaConfig", _SIZES | {"pad_token_id": 0}),
}


@cache
def pretrained(name: str, dtype: torch.dtype = torch.float64) -> Pretrained:
    """Return a tiny random model of an architecture; the same weights at every call."""
    kind, config_class, extra = ARCHITECTURES[name]
    words = tokenizer(kind == "masked")
    config = getattr(transformers, config_class)(
        vocab_size=len(words),
        max_position_embeddings=64,
        pad_token_id=extra.get("pad_token_id", 0),
        **{key: value for key, value in extra.items() if key != "pad_token_id"},
    )
    auto = transformers.AutoModelForMaskedLM if kind == "masked" else transformers.AutoModelForCausalLM
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = auto.from_config(config)
        for parameter in model.parameters():  # larger than usual, so that every layer matters
            parameter.data.add_(0.3 * torch.randn_like(parameter))
    model = model.to(dtype).eval().requires_grad_(False)
    return Pretrained(f"tiny-{name}", kind, model, words, fingerprint(model.state_dict()), "random")  # type: ignore[arg-type]

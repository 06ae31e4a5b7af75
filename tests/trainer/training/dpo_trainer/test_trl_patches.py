"""The private names that trl_patches uses are there, in the versions that it was written for."""

from __future__ import annotations

import inspect
from importlib.metadata import version
from types import SimpleNamespace

import torch
import transformers
from accelerate.utils import FullyShardedDataParallelPlugin, fsdp_utils
from accelerate.utils.fsdp_utils import fsdp2_prepare_model
from peft import PeftModel, peft_model
from safetensors.torch import save_file
from transformers import PreTrainedModel, modeling_utils
from trl import DPOTrainer
from trl.trainer import dpo_trainer, utils

from dpojob_trainer.training import sharding
from dpojob_trainer.training.dpo_trainer import trl_patches
from dpojob_trainer.training.prefix_sharing import PrefixSharingCollator


def test_the_patches_are_for_the_installed_versions() -> None:
    assert version("trl") == trl_patches.TRL_VERSION
    assert version("transformers") == trl_patches.TRANSFORMERS_VERSION
    assert version("accelerate") == trl_patches.ACCELERATE_VERSION
    assert version("peft") == trl_patches.PEFT_VERSION


def test_trl_asks_only_use_triton_which_logits_to_compute() -> None:
    assert list(inspect.signature(utils._use_triton).parameters) == ["device"]
    assert "_use_triton(" in inspect.getsource(utils.add_fused_lm_head)


def test_trl_reads_the_size_of_its_tiles_of_logits_at_each_forward() -> None:
    assert utils._CHUNKED_LOGPROB_CHUNK_SIZE == 32768
    source = inspect.getsource(utils.add_fused_lm_head)
    assert "_CHUNKED_LOGPROB_CHUNK_SIZE," in source.partition("def _fused_forward")[2]


def test_trl_counts_tokens_in_an_attribute_of_its_trainer() -> None:
    assert "self._total_train_tokens" in inspect.getsource(dpo_trainer)


def test_transformers_saves_each_checkpoint_through_one_method() -> None:
    save = transformers.Trainer._save_checkpoint
    assert list(inspect.signature(save).parameters) == ["self", "model", "trial"]
    assert "_save_checkpoint(" in inspect.getsource(transformers.Trainer._maybe_log_save_evaluate)
    assert "create_model_card(" in inspect.getsource(DPOTrainer._save_checkpoint)


def test_trl_shards_only_the_reference_through_prepare_fsdp() -> None:
    source = inspect.getsource(dpo_trainer)
    assert source.count("prepare_fsdp(") == 1
    assert "self.ref_model = prepare_fsdp(self.ref_model, self.accelerator)" in source
    assert list(inspect.signature(dpo_trainer.prepare_fsdp).parameters) == ["model", "accelerator"]
    assert list(inspect.signature(sharding.shard_reference).parameters) == ["model", "accelerator"]


def test_trl_hashes_the_reference_once_by_a_name_of_its_module() -> None:
    source = inspect.getsource(DPOTrainer.__init__)
    assert source.count("hash_module(self.ref_model or self.model)") == 1
    assert dpo_trainer.hash_module is utils.hash_module
    assert list(inspect.signature(utils.hash_module).parameters) == ["module"]


def test_trl_tokenises_each_data_set_by_a_method_that_is_overridden() -> None:
    prepare = inspect.signature(DPOTrainer._prepare_dataset)
    names = ["self", "dataset", "processing_class", "args", "dataset_name"]
    assert list(prepare.parameters) == names
    source = inspect.getsource(DPOTrainer.__init__)
    for rows, name in (("train_dataset", '"train"'), ("eval_dataset", '"eval"')):
        assert f"self._prepare_dataset({rows}, processing_class, args, {name})" in source


def test_transformers_and_peft_write_safetensors_files_by_a_name_of_their_modules() -> None:
    saved = inspect.getsource(PreTrainedModel.save_pretrained)
    assert "safe_save_file(shard_state_dict, filename, metadata=metadata)" in saved
    assert inspect.getsource(PeftModel.save_pretrained).count("safe_save_file(") == 1
    assert modeling_utils.safe_save_file is peft_model.safe_save_file is save_file
    assert list(inspect.signature(save_file).parameters) == ["tensors", "filename", "metadata"]


def test_trl_makes_its_collator_once_by_a_name_of_its_module() -> None:
    source = inspect.getsource(DPOTrainer.__init__)
    assert source.count("DataCollatorForPreference(") == 1
    assert issubclass(PrefixSharingCollator, dpo_trainer.DataCollatorForPreference)


def test_transformers_creates_the_accelerator_and_keeps_checkpoints_in_methods_that_are_overridden() -> (
    None
):
    loop = inspect.getsource(transformers.Trainer._prepare_for_training)
    assert "self._load_from_checkpoint(resume_from_checkpoint, self.model_wrapped)" in loop
    assert "self._load_optimizer_and_scheduler(resume_from_checkpoint)" in loop
    save = inspect.getsource(transformers.Trainer._save_checkpoint)
    assert "self.save_model(output_dir, _internal_call=True)" in save
    assert "self._save_optimizer_and_scheduler(output_dir)" in save
    assert "self._load_best_model()" in inspect.getsource(transformers.Trainer)
    assert "self.create_accelerator_and_postprocess()" in inspect.getsource(transformers.Trainer)
    micro_batches = inspect.getsource(transformers.Trainer._run_epoch)
    assert 'gradient_state.plugin_kwargs.get("sync_each_batch", False)' in micro_batches


def test_accelerate_keeps_a_given_mixed_precision_and_shards_by_layer() -> None:
    plugin = FullyShardedDataParallelPlugin(fsdp_version=2)
    plugin.set_mixed_precision("bf16")
    assert plugin.mixed_precision_policy.output_dtype == torch.bfloat16
    state = SimpleNamespace(fsdp_plugin=plugin)
    sharding.keep_fp32_outputs_and_reductions(SimpleNamespace(state=state))  # type: ignore[arg-type]
    policy = plugin.mixed_precision_policy
    assert (policy.param_dtype, policy.reduce_dtype) == (torch.bfloat16, torch.float32)
    assert policy.output_dtype is None
    assert list(inspect.signature(fsdp2_prepare_model).parameters) == ["accelerator", "model"]


def test_accelerate_sends_weights_from_the_first_process_by_a_name_of_its_module() -> None:
    assert "fsdp2_load_full_state_dict(" in inspect.getsource(fsdp2_prepare_model)
    names = ["accelerator", "model", "full_sd", "cpu_offload"]
    for function in (fsdp_utils.fsdp2_load_full_state_dict, sharding.send_from_first_process):
        assert list(inspect.signature(function).parameters) == names


def test_transformers_keeps_the_attention_implementation_in_the_config() -> None:
    config = transformers.LlamaConfig(
        hidden_size=8, intermediate_size=8, num_attention_heads=1, num_hidden_layers=1, vocab_size=8
    )
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    assert trl_patches.attention_implementation(model) == "eager"


def test_the_patch_of_use_triton_is_undone() -> None:
    original = utils._use_triton
    with trl_patches.completion_logits_only():
        assert torch.cuda.is_available() or utils._use_triton is not original
    assert utils._use_triton is original

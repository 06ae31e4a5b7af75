"""Run in the training container: what Triton builds at the first step on a GPU, on a machine without one.

First Triton's CUDA driver module, by Triton's own build function, from its own source and headers. A machine
without a GPU has no libcuda.so.1, so one is made whose functions do nothing: the compiler links against it,
and the module is loaded with it. Then the kernel of TRL's loss, for each GPU that torch has kernels for.
"""

import ctypes
import os
import subprocess
import tempfile
from pathlib import Path

DIRECTORY = Path(tempfile.mkdtemp())
LIBRARY = DIRECTORY / "libcuda.so.1"
TYPES = {"mm_ptr": "*bf16", "targets_ptr": "*i64", "is_top1_ptr": "*i1"}
"""The types of the kernel's arguments that are neither flags, fp32 values nor pointers to them."""


def make_library(functions: list[str]) -> None:
    source = DIRECTORY / "cuda.c"
    source.write_text("".join(f"int {name}(void) {{ return 1; }}\n" for name in functions))
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", str(LIBRARY), str(source)], check=True)


def undefined_functions(library: str) -> list[str]:
    nm = subprocess.run(["nm", "-uD", library], capture_output=True, text=True, check=True)
    return [name for name in nm.stdout.split() if name.startswith("cu")]


def build_driver_module() -> None:
    from triton.backends.nvidia import driver
    from triton.runtime.build import compile_so_from_file

    built = compile_so_from_file(
        src_path=str(Path(driver.dirname) / "driver.c"),
        name="cuda_utils",
        library_dirs=driver.library_dirs(),
        include_dirs=driver.include_dirs,
        libraries=driver.libraries,
    )
    assert built.startswith(os.environ["TRITON_CACHE_DIR"]), built
    make_library(undefined_functions(built))
    ctypes.CDLL(str(LIBRARY), ctypes.RTLD_GLOBAL)
    print("driver module:", driver.CudaUtils().launch)


def compile_loss_kernel() -> None:
    import torch
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
    from trl.kernels import chunked_logprob

    kernel = chunked_logprob._forward_kernel
    signature = {name: argument_type(name) for name in kernel.arg_names}
    constants = {
        name: 1024 if name == "BLOCK_SIZE" else False
        for name, type_ in signature.items()
        if type_ == "constexpr"
    }
    for architecture in torch.cuda.get_arch_list():
        target = GPUTarget("cuda", int(architecture.removeprefix("sm_")), 32)
        source = ASTSource(fn=kernel, signature=signature, constexprs=constants)
        compiled = triton.compile(source, target=target)
        print("loss kernel:", architecture, len(compiled.asm["cubin"]), "bytes")


def argument_type(name: str) -> str:
    if name.isupper():
        return "constexpr"
    if name in TYPES:
        return TYPES[name]
    if name.endswith("_ptr"):
        return "*fp32"
    return "i32" if name in ("vocab_start", "n_cols", "mm_stride") else "fp32"


make_library([])
os.environ["TRITON_LIBCUDA_PATH"] = str(DIRECTORY)
build_driver_module()
compile_loss_kernel()
print("all built")

"""A GPU emulated on the CPU: tensors that say "cuda:0", hold a tensor of the CPU, and are computed with as such.

It computes the numbers of the CPU, but keeps the rules of a GPU: an operation whose tensors are on both devices
raises, memory has a limit, and what the program would wait for is counted. It shows nothing of a GPU's speed.
"""

import math
import weakref
from collections import Counter
from contextlib import ExitStack, contextmanager
from unittest import mock

import torch
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_leaves, tree_map

from sklearn_mrtl.core.data import sparse

GPU = torch.device("cuda", 0)
COPIES = {"_to_copy", "copy_"}  # between devices
# What takes numbers from the GPU to the program, which waits for all that was computed before.
WAITS = {
    "_local_scalar_dense", "nonzero", "masked_select", "bincount", "equal", "unique_dim", "_unique2",
    "unique_consecutive", "_linalg_eigh", "_linalg_svd",
}  # fmt: skip


class GPUTensor(torch.Tensor):
    """A tensor that says that it is on the GPU."""

    @staticmethod
    def __new__(cls, held):
        strides = held.stride() if held.layout == torch.strided else None
        if strides is None:
            shell = torch.empty(held.shape, dtype=held.dtype, device="meta")
        else:
            shell = torch.empty_strided(held.shape, strides, dtype=held.dtype, device="meta")
        return torch.Tensor._make_subclass(cls, shell, False)

    def __init__(self, held):
        super().__init__()
        self.held = held

    device = property(lambda self: GPU)
    layout = property(lambda self: self.held.layout)
    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        raise RuntimeError(f"{function} of a tensor of the emulated GPU after its end")

    def tolist(self):
        EmulatedGPU.current.wait("tolist")
        return self.held.tolist()


class EmulatedGPU(TorchDispatchMode):
    """A GPU that is there within a with block; see `emulated_gpu`.

    Attributes
    ----------
    operations : Counter
        Of (name, layout of the sparse argument or None, dtypes) of every operation on the GPU.
    waits : Counter
        Of the operations that the program waits for.
    limit, used, most : float
        Bytes that tensors may take, take now, and took at most.
    """

    current = None

    def __init__(self, limit=math.inf):
        super().__init__()
        self.limit, self.used, self.most = limit, 0, 0
        self.operations, self.waits, self._sizes, self._n_tensors = Counter(), Counter(), {}, Counter()

    def wait(self, name):
        self.waits[name] += 1

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        kwargs, name = kwargs or {}, function._schema.name.removeprefix("aten::")
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, torch.Tensor)]
        on_gpu = [tensor for tensor in tensors if isinstance(tensor, GPUTensor)]
        asked = kwargs.get("device")
        is_on_gpu = bool(on_gpu) if asked is None else torch.device(asked).type in ("cuda", "meta")
        if on_gpu and len(on_gpu) < len(tensors) and name not in COPIES:
            self.check_devices(name, tensors)
        if on_gpu or is_on_gpu:
            self.take_note(function, name, args, kwargs, on_gpu, is_on_gpu)
        known, shells = {id(tensor.held): tensor for tensor in on_gpu}, args
        args, kwargs = tree_map(lambda leaf: leaf.held if isinstance(leaf, GPUTensor) else leaf, (args, kwargs))
        if asked is not None:
            kwargs["device"] = torch.device("cpu")
        results = function(*args, **kwargs)
        if on_gpu and torch.Tag.inplace_view in function.tags:  # the shell changes its shape too
            with torch._C._DisableTorchDispatch():
                function(*shells)
        if name == "copy_":
            is_on_gpu = id(args[0]) in known
        if not is_on_gpu:
            return results
        return tree_map(lambda leaf: self.wrapped(leaf, known) if isinstance(leaf, torch.Tensor) else leaf, results)

    def check_devices(self, name, tensors):
        """Refuse tensors of both devices, as torch does; a single number may be on the CPU, and what is an index."""
        others = [tensor for tensor in tensors if not isinstance(tensor, GPUTensor) and tensor.ndim]
        if others and name not in ("index", "index_put_", "_index_put_impl_"):
            raise RuntimeError(f"Expected all tensors to be on the same device in {name}, got cuda:0 and cpu")

    def take_note(self, function, name, args, kwargs, on_gpu, is_on_gpu):
        """Count an operation, and whether the program waits for it."""
        layouts = {tensor.layout for tensor in on_gpu} - {torch.strided}
        dtypes = frozenset(tensor.dtype for tensor in on_gpu)
        self.operations[function, next(iter(layouts), None), dtypes] += 1
        by_mask = name in ("index", "index_put_") and any(
            isinstance(index, torch.Tensor) and index.dtype == torch.bool for index in args[1]
        )
        of_unknown_size = name == "repeat_interleave" and kwargs.get("output_size") is None
        if name in WAITS or by_mask or of_unknown_size or (on_gpu and name == "_to_copy" and not is_on_gpu):
            self.wait(name)
        if on_gpu and name == "_to_copy" and not is_on_gpu:
            self.moving(on_gpu[0].nbytes)

    def moving(self, n_bytes):
        """Hear of bytes that go to the CPU."""

    def wrapped(self, held, known):
        """Return a result as a tensor of the GPU: itself if it is an argument."""
        if id(held) in known:
            return known[id(held)]
        tensor = GPUTensor(held)
        if held.layout == torch.strided:
            self.allocate(tensor, held.untyped_storage())
        return tensor

    def allocate(self, tensor, storage):
        """Count the memory of a tensor until it is gone."""
        key = storage.data_ptr()
        if key not in self._sizes:
            if self.used + storage.nbytes() > self.limit:
                raise torch.cuda.OutOfMemoryError(f"CUDA out of memory. Tried to allocate {storage.nbytes()} bytes.")
            self._sizes[key] = storage.nbytes()
            self.used += storage.nbytes()
            self.most = max(self.most, self.used)
        self._n_tensors[key] += 1
        weakref.finalize(tensor, self.free, key)

    def free(self, key):
        """Take note that a tensor is gone."""
        self._n_tensors[key] -= 1
        if not self._n_tensors[key]:
            self.used -= self._sizes.pop(key)

    @contextmanager
    def counting(self):
        """Count the waits within a with block only."""
        before = self.waits.copy()
        found = Counter()
        yield found
        found.update(self.waits - before)


@contextmanager
def emulated_gpu(limit=math.inf):
    """Yield an emulated GPU with so many bytes of memory, which torch finds under the name "cuda"."""
    gpu, tensor, csr = EmulatedGPU(limit), torch.tensor, torch.sparse_csr_tensor

    def from_cpu(values, *, device=None, **options):
        made = tensor(values, **options)
        return made if device is None else made.to(device)

    def csr_from_parts(*parts, device=None, **options):
        if not isinstance(parts[2], GPUTensor):
            return csr(*parts, **options)
        with _disable_current_modes():
            return GPUTensor(csr(*(part.held for part in parts[:3]), *parts[3:], **options))

    with ExitStack() as stack:
        for target, name, stand_in in [
            (torch.cuda, "_lazy_init", lambda: None),
            (torch.cuda, "is_available", lambda: True),
            (torch.cuda, "empty_cache", lambda: None),
            (torch.cuda, "mem_get_info", lambda device=None: (int(min(gpu.limit, 2**60) - gpu.used), 2**60)),
            (torch, "tensor", from_cpu),
            (torch, "sparse_csr_tensor", csr_from_parts),
            (EmulatedGPU, "current", gpu),
        ]:
            stack.enter_context(mock.patch.object(target, name, stand_in))
        stack.callback(sparse._stored_ones.cache_clear)  # whose tensors would outlive the GPU
        stack.enter_context(gpu)
        yield gpu

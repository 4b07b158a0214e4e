"""Make PyTorch's CUDA build importable on a machine without CUDA.

    python scripts/stub_cuda.py SITE_PACKAGES/torch/lib

PyPI has PyTorch for x86-64 as the CUDA build alone, which links libraries of 4 GB. This writes a
library in place of each: the names and versions that PyTorch links, of functions that all return
100 (cudaErrorNoDevice). So torch.cuda.is_available() is False, and all else is PyTorch on the CPU.
"""

import re
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

_CUDA = re.compile(r"lib(cu|nccl|nv)")
_UNVERSIONED = re.compile(r"cu|nccl|nvshmem|nvrtc|__cuda")

Symbols = dict[str, dict[str, set[str]]]  # library -> version -> names


def main() -> None:
    folder = Path(sys.argv[1])
    libraries = [path for path in sorted(folder.glob("*.so*")) if not _CUDA.match(path.name)]
    needed = {name for path in libraries for name in needed_by(path)}
    stubs = sorted(needed - {path.name for path in libraries})
    symbols: Symbols = {stub: defaultdict(set) for stub in stubs}
    plain: set[str] = set()
    for path in libraries:
        plain |= add_symbols(path, symbols)
    for stub in stubs:
        more = plain if stub.startswith("libnccl") else set()
        write_stub(folder, stub, symbols[stub], more)


def run(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def needed_by(path: Path) -> Iterator[str]:
    """Yield the CUDA libraries that a library links."""
    for name in re.findall(r"NEEDED.*\[(.*?)\]", run("readelf", "-d", str(path))):
        if _CUDA.match(name):
            yield name


def add_symbols(path: Path, symbols: Symbols) -> set[str]:
    """Add the names that a library wants of each stub, and return those without a version."""
    owners: dict[str, str] = {}
    owner = ""
    for line in run("readelf", "-V", "-W", str(path)).splitlines():
        if found := re.search(r"File: (\S+)", line):
            owner = found[1]
        elif found := re.search(r"Name: (\S+)\s+Flags", line):
            owners[found[1]] = owner
    plain = set()
    for line in run("nm", "-D", "--undefined-only", str(path)).splitlines():
        name, _, version = line.split()[-1].partition("@")
        stub = owners.get(version.lstrip("@"), "")
        if stub in symbols:
            symbols[stub][version.lstrip("@")].add(name)
        elif not version and _UNVERSIONED.match(name):
            plain.add(name)
    return plain


def write_stub(folder: Path, stub: str, versions: dict[str, set[str]], more: set[str]) -> None:
    names = sorted(set().union(*versions.values()) | more)
    command = ["gcc", "-shared", "-fPIC", "-w", "-fno-builtin", f"-Wl,-soname,{stub}"]
    if versions:
        lines = (f"{name} {{ global: {'; '.join(sorted(of))}; }};" for name, of in versions.items())
        script = folder / "stub.map"
        script.write_text("\n".join(lines) + "\n")
        command.append(f"-Wl,--version-script={script}")
    source = "".join(map(function_of, names))
    command += ["-x", "c", "-", "-o", str(folder / stub)]
    subprocess.run(command, input=source, text=True, check=True)


def function_of(name: str) -> str:
    if name.endswith(("String", "Name")):
        return f'const char*{name}(void){{return "no CUDA here";}}\n'
    return f"long {name}(void){{return 100;}}\n"


if __name__ == "__main__":
    main()

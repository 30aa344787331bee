"""Object files made runnable without LLVM, whose library takes 50 MB and 60 ms in every process that loads it.

For what numba makes on Linux for x86-64: ELF in the large code model, in which whatever is far away has an address of
64 bits, so that code may lie anywhere. All else is refused, and is LLVM's.
"""

from __future__ import annotations

import ctypes
import mmap
import platform
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

MACHINES = ("x86_64", "AMD64")
_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_MAGIC = b"\x7fELF\x02\x01\x01"  # 64 bits, little-endian
_RELOCATABLE, _X86_64 = 1, 62
_SYMBOL, _RELOCATION = struct.Struct("<IBBHQQ"), struct.Struct("<QQq")
_PROGRAM, _SYMBOLS, _RELOCATIONS, _ZEROS, _UNWINDING = 1, 2, 4, 8, 0x70000001  # types of sections
_WRITABLE, _IN_MEMORY, _A_THREADS_OWN = 1, 2, 0x400  # their flags
_NOWHERE, _COMMON = 0, 0xFFF2  # in the place of a symbol's section
_LOCAL = 0  # binding of a symbol
# How a value is put in place, and whether it is the distance from there. S + A or S + A - P, of the ABI.
_FORMS = {
    1: (struct.Struct("<Q"), False),
    24: (struct.Struct("<q"), True),
    2: (struct.Struct("<i"), True),
    4: (struct.Struct("<i"), True),
}
_IMAGES: list[
    mmap.mmap
] = []  # as long as the process lives: a thread may be at one when the interpreter ends


class RefusedCodeError(OSError):
    """Code of another form than this file knows."""


class MissingNameError(RefusedCodeError):
    """Code that calls what is nowhere in the process, which LLVM would let it do."""


class _Section(NamedTuple):
    name: int
    type: int
    flags: int
    address: int
    offset: int
    size: int
    link: int
    info: int
    alignment: int
    entry_size: int


_SECTION = struct.Struct("<IIQQQQIIQQ")


@dataclass(slots=True)
class _Object:
    """An object file. places: of its sections that go into the image, where they begin there"""

    content: bytes
    sections: list[_Section]
    symbols: list[tuple[str, int, int, int, int]]  # name, binding, section, value, size
    places: dict[int, int]


def load(objects: Sequence[bytes], entry: str, *, never_called: Sequence[str] = ()) -> int:
    """The address of `entry`, once all of them are in memory and know each other. For as long as the process lives.

    never_called: names that need not be anywhere. RefusedCodeError if it cannot be done here; OSError where memory
    must not be run
    """
    if sys.platform != "linux" or platform.machine() not in MACHINES:
        raise RefusedCodeError(f"{sys.platform} on {platform.machine()} is LLVM's")
    parts = [_read(content) for content in objects]
    writable_at, size, commons = _lay_out(parts)
    image = mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS, mmap.PROT_READ | mmap.PROT_WRITE)
    base = ctypes.addressof(ctypes.c_char.from_buffer(image))
    names = {name: base + at for name, at in commons.items()}
    for part in parts:
        for name, binding, section, value, _ in part.symbols:
            if binding != _LOCAL and section in part.places:
                names.setdefault(name, base + part.places[section] + value)
    for part in parts:
        for number, at in part.places.items():
            placed = part.sections[number]
            if placed.type != _ZEROS:
                image[at : at + placed.size] = part.content[placed.offset : placed.offset + placed.size]
        _relocate(part, image, base, names, never_called)
    if entry not in names:
        raise RefusedCodeError(f"there is no {entry}")
    _protect(base, writable_at, mmap.PROT_READ | mmap.PROT_EXEC)
    _IMAGES.append(image)
    return names[entry]


def _read(content: bytes) -> _Object:
    header = _HEADER.unpack_from(content)
    if not header[0].startswith(_MAGIC) or header[1:3] != (_RELOCATABLE, _X86_64):
        raise RefusedCodeError("it is no object file of x86-64")
    start, entry_size, count = header[6], header[11], header[12]
    sections = [_Section(*_SECTION.unpack_from(content, start + n * entry_size)) for n in range(count)]
    symbols = [
        symbol
        for section in sections
        if section.type == _SYMBOLS
        for symbol in _read_symbols(content, section, sections[section.link])
    ]
    return _Object(content, sections, symbols, {})


def _read_symbols(content: bytes, table: _Section, strings: _Section) -> list[tuple[str, int, int, int, int]]:
    symbols = []
    for at in range(table.offset, table.offset + table.size, _SYMBOL.size):
        name, info, _, section, value, size = _SYMBOL.unpack_from(content, at)
        begin = strings.offset + name
        text = content[begin : content.index(b"\0", begin)].decode()
        symbols.append((text, info >> 4, section, value, size))
    return symbols


def _lay_out(parts: Sequence[_Object]) -> tuple[int, int, dict[str, int]]:
    """Where what may be written begins, the size of all, and where what has no section of its own is."""
    at = 0
    for is_writable in (False, True):
        for part in parts:
            for number, section in enumerate(part.sections):
                if not section.flags & _IN_MEMORY or section.type == _UNWINDING:
                    continue  # nothing that is unwound passes through here
                if section.type not in (_PROGRAM, _ZEROS) or section.flags & _A_THREADS_OWN:
                    raise RefusedCodeError(f"a section is of type {section.type:#x}")
                if bool(section.flags & _WRITABLE) == is_writable:
                    part.places[number] = at = _round_up(at, max(1, section.alignment))
                    at += section.size
        if not is_writable:
            at = writable_at = _round_up(at, mmap.PAGESIZE)
    commons: dict[str, int] = {}
    for part in parts:
        for name, _, place, alignment, size in part.symbols:
            if place == _COMMON and name not in commons:
                commons[name] = at = _round_up(at, max(1, alignment))
                at += size
    return writable_at, _round_up(max(at, 1), mmap.PAGESIZE), commons


def _round_up(value: int, step: int) -> int:
    return -(-value // step) * step


def _relocate(
    part: _Object, image: mmap.mmap, base: int, names: dict[str, int], never_called: Sequence[str]
) -> None:
    """Put the addresses of symbols where the code refers to them."""
    for table in part.sections:
        if table.type != _RELOCATIONS or table.info not in part.places:
            continue
        start = part.places[table.info]
        for at in range(table.offset, table.offset + table.size, _RELOCATION.size):
            offset, info, addend = _RELOCATION.unpack_from(part.content, at)
            form, is_distance = _FORMS.get(info & 0xFFFFFFFF, (None, False))
            if form is None:
                raise RefusedCodeError(f"a reference is of type {info & 0xFFFFFFFF}")
            name, binding, section, value, _ = part.symbols[info >> 32]
            if binding == _LOCAL and section in part.places:
                address = base + part.places[section] + value
            elif name in names:
                address = names[name]
            elif section == _NOWHERE and name:
                address = _find_outside(name, name in never_called)
            else:
                raise RefusedCodeError(f"a reference is to section {section}")
            try:
                form.pack_into(
                    image, start + offset, address + addend - is_distance * (base + start + offset)
                )
            except struct.error as error:
                raise RefusedCodeError(f"{name} is too far away") from error


@cache
def _find_outside(name: str, is_never_called: bool) -> int:
    """The address of what the process has by this name."""
    with suppress(AttributeError):
        return _address_of(getattr(_the_process(), name))
    if not is_never_called:
        raise MissingNameError(f"there is no {name}")
    return _address_of(ctypes.pythonapi.Py_FatalError)


def _address_of(symbol: Any) -> int:
    return ctypes.cast(symbol, ctypes.c_void_p).value or 0


@cache
def _the_process() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _protect(address: int, size: int, protection: int) -> None:
    mprotect = _the_process().mprotect
    mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    if size and mprotect(address, size, protection):
        raise OSError(ctypes.get_errno(), "memory must not be run")

"""Object files without LLVM: what is known is run, and all else refused before it can be."""

from __future__ import annotations

import ctypes
import platform
import sys

import pytest

from streamer.analysis.kernels import link

pytestmark = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"), reason="made for Linux on x86-64"
)

CODE = """
@table = private constant [4 x i64] [i64 5, i64 7, i64 11, i64 13]
@count = common global i64 0
declare i64 @{outside}(i64)
define i64 @enter(i64 %i) {{
  %p = getelementptr [4 x i64], ptr @table, i64 0, i64 %i
  %x = load i64, ptr %p
  %y = call i64 @{outside}(i64 %x)
  %n = load i64, ptr @count
  %m = add i64 %n, 1
  store i64 %m, ptr @count
  %z = mul i64 %m, %y
  ret i64 %z
}}
"""


def compile_object(code: str, *, model: str = "large") -> bytes:
    from llvmlite import binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(codemodel=model, reloc="static")
    made: bytes = machine.emit_object(llvm.parse_assembly(code))
    return made


def test_code_reads_its_constants_writes_its_variables_and_calls_what_the_process_has() -> None:
    address = link.load([compile_object(CODE.format(outside="labs"))], "enter")
    function = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)
    assert [function(i) for i in range(4)] == [5, 14, 33, 52]


def test_object_files_find_each_other() -> None:
    helper = "define i64 @twice(i64 %i) {\n %x = shl i64 %i, 1\n ret i64 %x\n}\n"
    address = link.load([compile_object(CODE.format(outside="twice")), compile_object(helper)], "enter")
    assert ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(address)(1) == 14


def test_what_is_never_called_need_not_be_there_and_all_else_must() -> None:
    code = compile_object(CODE.format(outside="nobody_has_this"))
    assert link.load([code], "enter", never_called=["nobody_has_this"])
    with pytest.raises(link.RefusedCodeError, match="no nobody_has_this"):
        link.load([code], "enter")
    with pytest.raises(link.RefusedCodeError, match="no elsewhere"):
        link.load([compile_object(CODE.format(outside="labs"))], "elsewhere")


def test_a_reference_of_another_form_is_refused() -> None:
    with pytest.raises(link.RefusedCodeError, match="of type 11"):
        link.load([compile_object(CODE.format(outside="labs"), model="small")], "enter")


def test_what_is_no_object_file_is_refused() -> None:
    with pytest.raises(link.RefusedCodeError, match="no object file"):
        link.load([bytes(64)], "enter")


def test_other_systems_and_processors_are_left_to_llvm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(link.RefusedCodeError, match="aarch64"):
        link.load([], "enter")

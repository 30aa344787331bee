"""LLVM code for a register's worth of elements side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir  # numba's own code generator
from numba.core import cgutils

INT = ir.IntType(64)


class Vectors:
    """Writes LLVM code for a tile's worth of elements side by side, of the dtype of the array given."""

    def __init__(self, context: Any, builder: Any, array_type: Any, n_bytes: int) -> None:
        self.context, self.builder = context, builder
        self.bits = array_type.dtype.bitwidth
        self.lanes = lanes = n_bytes * 8 // self.bits
        self.vector = ir.VectorType(context.get_value_type(array_type.dtype), lanes)
        self.zero = ir.Constant(self.vector, None)
        # fused where the processor can, so the same for every frame and partition on one machine
        self.multiply_add = cgutils.get_or_insert_function(
            builder.module,
            ir.FunctionType(self.vector, [self.vector] * 3),
            f"llvm.fmuladd.v{lanes}f{self.bits}",
        )

    def pointer(self, array_type: Any, array: Any, at: Any) -> Any:
        data = self.context.make_array(array_type)(self.context, self.builder, array).data
        return self.builder.gep(data, [at])

    def offset(self, pointer: Any, elements: Any) -> Any:
        at = ir.Constant(INT, elements) if isinstance(elements, int) else elements
        return self.builder.gep(pointer, [at])

    def load(self, pointer: Any) -> Any:
        value = self.builder.load(self.builder.bitcast(pointer, self.vector.as_pointer()))
        value.align = self.bits // 8
        return value

    def store(self, value: Any, pointer: Any) -> None:
        stored = self.builder.store(value, self.builder.bitcast(pointer, value.type.as_pointer()))
        stored.align = self.bits // 8

    def broadcast(self, pointer: Any) -> Any:
        undefined = ir.Constant(self.vector, ir.Undefined)
        one = self.builder.insert_element(
            undefined, self.builder.load(pointer), ir.Constant(ir.IntType(32), 0)
        )
        everywhere = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), None)
        return self.builder.shuffle_vector(one, undefined, everywhere)

    def backwards(self, value: Any) -> Any:
        order = ir.Constant(ir.VectorType(ir.IntType(32), self.lanes), list(range(self.lanes))[::-1])
        return self.builder.shuffle_vector(value, ir.Constant(self.vector, ir.Undefined), order)

    def add_product(self, total: Any, a: Any, b: Any) -> Any:
        return self.builder.call(self.multiply_add, [a, b, total])

    def add_turned(
        self, total: tuple[Any, Any], turn: tuple[Any, Any], z: tuple[Any, Any]
    ) -> tuple[Any, Any]:
        """total + turn * z, each a pair of real and imaginary parts."""
        real = self.add_product(total[0], turn[0], z[0])
        real = self.add_product(real, self.builder.fneg(turn[1]), z[1])
        imaginary = self.add_product(total[1], turn[0], z[1])
        return real, self.add_product(imaginary, turn[1], z[0])

    def load_pair(self, pointer: Any) -> tuple[Any, Any]:
        return self.load(pointer), self.load(self.offset(pointer, self.lanes))

    def store_pair(self, pair: tuple[Any, Any], pointer: Any) -> None:
        self.store(pair[0], pointer)
        self.store(pair[1], self.offset(pointer, self.lanes))

    def interleave(self, real: Any, imaginary: Any) -> Any:
        order = [half * self.lanes + lane for lane in range(self.lanes) for half in range(2)]
        mask = ir.Constant(ir.VectorType(ir.IntType(32), 2 * self.lanes), order)
        return self.builder.shuffle_vector(real, imaginary, mask)

    def repeat(
        self, count: Any, carried: list[Any], body: Callable[[Any, list[Any]], list[Any]]
    ) -> list[Any]:
        """carried = body(i, carried) for i in range(count); values stay in registers."""
        builder, zero = self.builder, ir.Constant(INT, 0)
        before = builder.basic_block
        inside, after = builder.append_basic_block("inside"), builder.append_basic_block("after")
        builder.cbranch(builder.icmp_signed(">", count, zero), inside, after)
        builder.position_at_end(inside)
        i = builder.phi(INT)
        i.add_incoming(zero, before)
        now = [builder.phi(value.type) for value in carried]
        new = body(i, now)
        following = builder.add(i, ir.Constant(INT, 1))
        last = builder.basic_block
        i.add_incoming(following, last)
        builder.cbranch(builder.icmp_signed("<", following, count), inside, after)
        builder.position_at_end(after)
        results = []
        for phi, start, value in zip(now, carried, new, strict=True):
            phi.add_incoming(start, before)
            phi.add_incoming(value, last)
            result = builder.phi(phi.type)
            result.add_incoming(start, before)
            result.add_incoming(value, last)
            results.append(result)
        return results

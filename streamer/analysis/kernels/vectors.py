"""LLVM code for a register's worth of elements side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from llvmlite import ir  # numba's own code generator
from numba.core import cgutils

from streamer.analysis.kernels.tiles import TILE_BYTES

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

    def broadcast_pair(self, pointer: Any) -> Any:
        """Two neighbours, again and again."""
        pair_type = ir.VectorType(self.vector.element, 2)
        pair = self.builder.load(self.builder.bitcast(pointer, pair_type.as_pointer()))
        pair.align = self.bits // 8
        return self.choose(pair, pair, [0, 1] * (self.lanes // 2))

    def backwards(self, value: Any) -> Any:
        return self.choose(value, value, range(self.lanes)[::-1])

    def add_product(self, total: Any, a: Any, b: Any) -> Any:
        return self.builder.call(self.multiply_add, [a, b, total])

    def load_pair(self, pointer: Any) -> tuple[Any, Any]:
        return self.load(pointer), self.load(self.offset(pointer, self.lanes))

    def interleave(self, real: Any, imaginary: Any) -> Any:
        lanes = real.type.count
        return self.choose(real, imaginary, [half * lanes + i for i in range(lanes) for half in range(2)])

    def weave(self, parts: Sequence[Any]) -> Any:
        """The first elements of all four, then the second ones, and so on."""
        first, second, third, fourth = parts
        return self.interleave(self.interleave(first, third), self.interleave(second, fourth))

    def load_complex(self, pointer: Any) -> tuple[Any, Any]:
        """Numbers whose real and imaginary parts lie side by side."""
        halves = self.load(pointer), self.load(self.offset(pointer, self.lanes))
        real, imaginary = (self.choose(*halves, range(part, 2 * self.lanes, 2)) for part in range(2))
        return real, imaginary

    def choose(self, first: Any, second: Any, order: Sequence[int]) -> Any:
        mask = ir.Constant(ir.VectorType(ir.IntType(32), len(order)), list(order))
        return self.builder.shuffle_vector(first, second, mask)

    def constant(self, value: float) -> Any:
        return ir.Constant(self.vector, [value] * self.lanes)

    def add(self, a: tuple[Any, Any], b: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.builder.fadd(a[0], b[0]), self.builder.fadd(a[1], b[1])

    def subtract(self, a: tuple[Any, Any], b: tuple[Any, Any]) -> tuple[Any, Any]:
        return self.builder.fsub(a[0], b[0]), self.builder.fsub(a[1], b[1])

    def multiply(self, a: tuple[Any, Any], b: tuple[Any, Any]) -> tuple[Any, Any]:
        imaginaries = self.builder.fmul(a[1], b[1])
        real = self.add_product(self.builder.fneg(imaginaries), a[0], b[0])
        return real, self.add_product(self.builder.fmul(a[1], b[0]), a[0], b[1])

    def turn_back(self, z: tuple[Any, Any]) -> tuple[Any, Any]:
        """-1j * z."""
        return z[1], self.builder.fneg(z[0])

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


class Tiles(Vectors):
    """Writes code for tiles of complex numbers: a full one is two vectors, a half one a vector of both parts."""

    def __init__(self, context: Any, builder: Any, array_type: Any, tile_bytes: int) -> None:
        super().__init__(context, builder, array_type, TILE_BYTES)
        self.is_full = tile_bytes == TILE_BYTES
        self.size = 2 * self.lanes if self.is_full else self.lanes  # elements
        self.nothing = [self.zero] * (2 if self.is_full else 1)

    def load_tile(self, pointer: Any) -> list[Any]:
        return [self.load(self.offset(pointer, at)) for at in range(0, self.size, self.lanes)]

    def store_tile(self, tile: list[Any], pointer: Any) -> None:
        for i, value in enumerate(tile):
            self.store(value, self.offset(pointer, i * self.lanes))

    def load_turn(self, pointer: Any) -> list[Any]:
        """As add_turned wants it, from real parts and then imaginary ones."""
        if self.is_full:
            real, imaginary = self.load_pair(pointer)
            return [real, self.builder.fneg(imaginary), imaginary]
        both = self.load(pointer)
        real, imaginary = ([lane // 2 + half for lane in range(self.lanes)] for half in (0, self.lanes // 2))
        signs = self.choose(
            self.builder.fneg(both), both, [at + lane % 2 * self.lanes for lane, at in enumerate(imaginary)]
        )
        return [self.choose(both, both, real), signs]

    def add_turned(self, total: list[Any], turn: list[Any], z: list[Any]) -> list[Any]:
        """total + turn * z."""
        if self.is_full:
            real, minus, imaginary = turn
            first = [self.add_product(total[0], real, z[0]), self.add_product(total[1], real, z[1])]
            return [self.add_product(first[0], minus, z[1]), self.add_product(first[1], imaginary, z[0])]
        real, signs = turn
        swapped = self.choose(z[0], z[0], [lane ^ 1 for lane in range(self.lanes)])
        return [self.add_product(self.add_product(total[0], real, z[0]), signs, swapped)]

    def store_side_by_side(self, tile: list[Any], pointer: Any) -> None:
        self.store(self.interleave(*tile) if self.is_full else tile[0], pointer)

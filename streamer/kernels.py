"""The compiled loops: samples in, X(f) = sum w[n] x[n] exp(-2j pi f n / fs) out.

A frame is cut into blocks of 2 * half samples. A block is folded about its centre: sums of the samples that
mirror each other meet cosines, differences meet sines, so that a block costs one multiply-add per sample and
band, and the folding is shared by all bands. Blocks are then joined two by two, each join turning the later
one by a complex factor: Goertzel's recurrence as a tree, without a chain to wait for or an error that grows.

Arrays are flat, of float32 or float64, and sizes count elements. A tile is a few bands side by side in
registers: `lanes` real parts, then as many imaginary ones. Every sum of a row and a band is a chain of its own
in a fixed order, so the bits of a value depend on the frame's samples and the analysis alone: how rows and
bands are dealt out to tiles, groups, batches and calls is only a schedule.
"""

# numba calls by position, and infers types, for several sets of them:
# ruff: noqa: ARG001, PLR0917
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir  # numba's own code generator
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

Work = NDArray[np.floating[Any]]

TILE_BYTES = 64  # of bands side by side: two 256-bit registers
ROWS = 6  # with two registers each: 12 sums in flight hide the latency of two multiply-adds per cycle

_INT = ir.IntType(64)


def lanes_of(dtype: Any) -> int:
    """Bands in one full tile."""
    return TILE_BYTES // int(np.dtype(dtype).itemsize)


def tile_widths(n_bands: int, dtype: Any) -> list[int]:
    """How bands are shared out to tiles: full ones, then a half one where that is enough for the rest."""
    lanes = lanes_of(dtype)
    full, rest = divmod(n_bands, lanes)
    if not rest:
        return [lanes] * full
    return [lanes] * full + [lanes // 2 if rest <= lanes // 2 else lanes]


# The innermost loops. Each is a plain function that says what it does, run by readers and tests, and LLVM code
# that takes its place when compiled: left to itself the compiler keeps sums in memory, at half the speed.


def dot_rows(n_rows, tile_bytes, sums, sums_at, rows, rows_at, table, table_at, half):
    """Sums of n_rows folded blocks, for one tile of bands.

    rows: per block half sums, then half differences   table: half cosines, half negative sines, lanes of each
    """
    lanes = tile_bytes // rows.itemsize
    for row in range(2 * n_rows):
        at, part = sums_at + row * lanes, row % 2
        sums[at : at + lanes] = 0
        for k in range(half):
            entry = table_at + (part * half + k) * lanes
            sums[at : at + lanes] += rows[rows_at + row * half + k] * table[entry : entry + lanes]


def join_blocks(tile_bytes, sums, sums_at, count, step, later, turns, turns_at):
    """tile[i] = tile[i * step] + turn * tile[i * step + later], for i ascending below count."""
    lanes = tile_bytes // sums.itemsize
    turn = _read_tile(turns, turns_at, lanes)
    for i in range(count):
        first = sums_at + i * step * 2 * lanes
        second = first + later * 2 * lanes
        joined = _read_tile(sums, first, lanes) + turn * _read_tile(sums, second, lanes)
        to = sums_at + i * 2 * lanes
        sums[to : to + lanes], sums[to + lanes : to + 2 * lanes] = joined.real, joined.imag


def turn_out(tile_bytes, sums, sums_at, turns, turns_at, out, out_at):
    """turn * tile, written with real and imaginary parts side by side, as complex numbers have them."""
    lanes = tile_bytes // sums.itemsize
    turned = _read_tile(turns, turns_at, lanes) * _read_tile(sums, sums_at, lanes)
    out[out_at : out_at + 2 * lanes : 2], out[out_at + 1 : out_at + 2 * lanes : 2] = turned.real, turned.imag


def _read_tile(flat: Work, at: int, lanes: int) -> NDArray[np.complexfloating[Any]]:
    tile: NDArray[np.complexfloating[Any]] = flat[at : at + lanes] + 1j * flat[at + lanes : at + 2 * lanes]
    return tile


class _Vectors:
    """Writes LLVM code for a tile's worth of elements side by side, of the dtype of the array given."""

    def __init__(self, context: Any, builder: Any, array_type: Any, tile_bytes: Any) -> None:
        self.context, self.builder = context, builder
        self.bits = array_type.dtype.bitwidth
        self.lanes = lanes = tile_bytes.literal_value * 8 // self.bits
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
        at = ir.Constant(_INT, elements) if isinstance(elements, int) else elements
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
        builder, zero = self.builder, ir.Constant(_INT, 0)
        before = builder.basic_block
        inside, after = builder.append_basic_block("inside"), builder.append_basic_block("after")
        builder.cbranch(builder.icmp_signed(">", count, zero), inside, after)
        builder.position_at_end(inside)
        i = builder.phi(_INT)
        i.add_incoming(zero, before)
        now = [builder.phi(value.type) for value in carried]
        new = body(i, now)
        following = builder.add(i, ir.Constant(_INT, 1))
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


@intrinsic(prefer_literal=True)
def _dot_rows(_, n_rows, tile_bytes, sums, sums_at, rows, rows_at, table, table_at, half):
    def generate(context, builder, signature, args):
        v = _Vectors(context, builder, sums, tile_bytes)
        sums_p = v.pointer(sums, args[2], args[3])
        starts = [v.pointer(rows, args[4], args[5])]
        for _row in range(2 * n_rows.literal_value - 1):
            starts.append(v.offset(starts[-1], args[8]))
        table_p = v.pointer(table, args[6], args[7])
        for part in range(2):

            def add_products(k, totals, table_p=table_p, starts=starts[part::2]):
                entry = v.load(v.offset(table_p, builder.mul(k, ir.Constant(_INT, v.lanes))))
                return [
                    v.add_product(total, v.broadcast(v.offset(start, k)), entry)
                    for total, start in zip(totals, starts, strict=True)
                ]

            totals = v.repeat(args[8], [v.zero] * n_rows.literal_value, add_products)
            for row, total in enumerate(totals):
                v.store(total, v.offset(sums_p, (2 * row + part) * v.lanes))
            table_p = v.offset(table_p, builder.mul(args[8], ir.Constant(_INT, v.lanes)))
        return context.get_dummy_value()

    at = types.intp
    return types.void(n_rows, tile_bytes, sums, at, rows, at, table, at, at), generate


@intrinsic(prefer_literal=True)
def _join_blocks(_, tile_bytes, sums, sums_at, count, step, later, turns, turns_at):
    def generate(context, builder, signature, args):
        v = _Vectors(context, builder, sums, tile_bytes)
        sums_p = v.pointer(sums, args[1], args[2])
        turn = v.load_pair(v.pointer(turns, args[6], args[7]))
        tile = ir.Constant(_INT, 2 * v.lanes)
        later_p = v.offset(sums_p, builder.mul(args[5], tile))

        def join(i, _):
            at = builder.mul(builder.mul(i, args[4]), tile)
            first, second = v.load_pair(v.offset(sums_p, at)), v.load_pair(v.offset(later_p, at))
            v.store_pair(v.add_turned(first, turn, second), v.offset(sums_p, builder.mul(i, tile)))
            return []

        v.repeat(args[3], [], join)
        return context.get_dummy_value()

    at = types.intp
    return types.void(tile_bytes, sums, at, at, at, at, turns, at), generate


@intrinsic(prefer_literal=True)
def _turn_out(_, tile_bytes, sums, sums_at, turns, turns_at, out, out_at):
    def generate(context, builder, signature, args):
        v = _Vectors(context, builder, sums, tile_bytes)
        tile = v.load_pair(v.pointer(sums, args[1], args[2]))
        turn = v.load_pair(v.pointer(turns, args[3], args[4]))
        turned = v.add_turned((v.zero, v.zero), turn, tile)
        v.store(v.interleave(*turned), v.pointer(out, args[5], args[6]))
        return context.get_dummy_value()

    at = types.intp
    return types.void(tile_bytes, sums, at, turns, at, out, at), generate


@overload(dot_rows, prefer_literal=True)
def _compiled_dot_rows(n_rows, tile_bytes, sums, sums_at, rows, rows_at, table, table_at, half):
    def call(n_rows, tile_bytes, sums, sums_at, rows, rows_at, table, table_at, half):
        _dot_rows(n_rows, tile_bytes, sums, sums_at, rows, rows_at, table, table_at, half)

    return call


@overload(join_blocks, prefer_literal=True)
def _compiled_join_blocks(tile_bytes, sums, sums_at, count, step, later, turns, turns_at):
    def call(tile_bytes, sums, sums_at, count, step, later, turns, turns_at):
        _join_blocks(tile_bytes, sums, sums_at, count, step, later, turns, turns_at)

    return call


@overload(turn_out, prefer_literal=True)
def _compiled_turn_out(tile_bytes, sums, sums_at, turns, turns_at, out, out_at):
    def call(tile_bytes, sums, sums_at, turns, turns_at, out, out_at):
        _turn_out(tile_bytes, sums, sums_at, turns, turns_at, out, out_at)

    return call


# The loops around them. All in this file: numba's cache notices changes in the file of a function only.


@njit(cache=True, nogil=True)
def fold_frame(
    samples: Work, start: int, taper: Work, windowed: Work, rows: Work, rows_at: int, half: int
) -> None:
    """Window the frame that starts at samples[start] and fold its blocks about their centres.

    windowed: the frame's length padded to whole blocks of 2 * half, zero beyond the taper, overwritten
    rows: per block half sums, then half differences, from the centre outwards
    """
    frame = samples[start : start + taper.size]
    for n in range(taper.size):
        windowed[n] = frame[n] * taper[n]
    for at in range(0, windowed.size, 2 * half):
        before = windowed[at : at + half][::-1]
        after = windowed[at + half : at + 2 * half]
        sums = rows[rows_at + at : rows_at + at + half]
        differences = rows[rows_at + at + half : rows_at + at + 2 * half]
        for k in range(half):
            sums[k] = after[k] + before[k]
            differences[k] = after[k] - before[k]


def _make_tile_loop(tile_bytes: int) -> Callable[..., None]:
    """The loops over one tile of bands, for tiles of this width."""

    @njit(cache=True, nogil=True)
    def sum_rows(n_rows, sums, rows, rows_at, table, table_at, half):
        """Fill sums with the block sums of n_rows rows."""
        lanes = tile_bytes // sums.itemsize
        row = 0
        while row + ROWS <= n_rows:
            at = rows_at + row * 2 * half
            dot_rows(ROWS, tile_bytes, sums, row * 2 * lanes, rows, at, table, table_at, half)
            row += ROWS
        while row + 2 <= n_rows:
            at = rows_at + row * 2 * half
            dot_rows(2, tile_bytes, sums, row * 2 * lanes, rows, at, table, table_at, half)
            row += 2
        if row < n_rows:
            at = rows_at + row * 2 * half
            dot_rows(1, tile_bytes, sums, row * 2 * lanes, rows, at, table, table_at, half)

    @njit(cache=True, nogil=True)
    def join_all(sums, at, blocks, turns, turns_at):
        """Join a frame's blocks into its first tile; turns hold one turn per doubling."""
        tile = 2 * (tile_bytes // sums.itemsize)
        while blocks > 1:
            pairs = blocks // 2
            join_blocks(tile_bytes, sums, at, pairs, 2, 1, turns, turns_at)
            if blocks % 2:  # the odd one waits for the next round
                for j in range(tile):
                    sums[at + pairs * tile + j] = sums[at + 2 * pairs * tile + j]
            blocks -= pairs
            turns_at += tile

    @njit(cache=True, nogil=True)
    def evaluate_tile(rows, count, half, blocks, levels, table, turns, batch, sums, band, bands, out, out_at):
        """Fill out with X of `count` folded frames for the bands of the tile that starts at `band`."""
        lanes = tile_bytes // sums.itemsize
        turns_at = band * 2 * (levels + 1)
        start_at = turns_at + levels * 2 * lanes
        first = 0
        while first < count:
            n = min(batch, count - first)
            sum_rows(n * blocks, sums, rows, first * blocks * 2 * half, table, band * 2 * half, half)
            for i in range(n):
                at = i * blocks * 2 * lanes
                join_all(sums, at, blocks, turns, turns_at)
                to = out_at + ((first + i) * bands + band) * 2
                if band + lanes <= bands:
                    turn_out(tile_bytes, sums, at, turns, start_at, out, to)
                else:  # the tile reaches beyond the last band
                    turn_out(tile_bytes, sums, at, turns, start_at, sums, at)
                    for j in range(2 * (bands - band)):
                        out[to + j] = sums[at + j]
            first += n

    loop: Callable[..., None] = evaluate_tile
    return loop


_evaluate_tile = _make_tile_loop(TILE_BYTES)
_evaluate_half_tile = _make_tile_loop(TILE_BYTES // 2)


@njit(cache=True, nogil=True)
def evaluate_frames(
    samples: Work,
    hop: int,
    n_frames: int,
    taper: Work,
    half: int,
    levels: int,
    table: Work,
    turns: Work,
    group: int,
    batch: int,
    windowed: Work,
    rows: Work,
    sums: Work,
    bands: int,
    out: Work,
) -> None:
    """Fill out[i, band] with X of the frame that starts at samples[i * hop].

    table: per tile, (half, lanes) cosines and negative sines of the samples k + 1/2 from a block's centre
    turns: per tile, the turn over 1, 2, 4 ... 2**(levels-1) blocks, then that over half a block less 1/2
    group: frames folded at once   batch: frames of one tile at once   windowed, rows, sums: scratch
    out: (n_frames, bands) complex, given as its real and imaginary parts
    """
    lanes = TILE_BYTES // sums.itemsize
    blocks = windowed.size // (2 * half)
    first = 0
    while first < n_frames:
        count = min(group, n_frames - first)
        for i in range(count):
            fold_frame(samples, (first + i) * hop, taper, windowed, rows, i * windowed.size, half)
        band, to = 0, first * bands * 2
        while band < bands:
            if 2 * (bands - band) > lanes:
                _evaluate_tile(
                    rows, count, half, blocks, levels, table, turns, batch, sums, band, bands, out, to
                )
                band += lanes
            else:
                _evaluate_half_tile(
                    rows, count, half, blocks, levels, table, turns, batch, sums, band, bands, out, to
                )
                band += lanes // 2
        first += count


def warm() -> None:
    """Compile what live analysis runs, or load it from the cache."""
    empty = np.zeros(0, np.float32)
    evaluate_frames(empty, 1, 0, empty, 1, 0, empty, empty, 1, 1, empty, empty, empty, 0, empty)

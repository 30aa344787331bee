"""The compiled loops: samples in, X(f) = sum w[n] x[n] exp(-2j pi f n / fs) out.

A frame is cut into pieces of 2 * half samples. A piece is folded about its centre: sums of the samples that
mirror each other meet cosines, differences meet sines, so that a piece costs one multiply-add per sample and
band, and the folding is shared by all bands. Pieces are then joined two by two, each join turning the later
one by a complex factor: Goertzel's recurrence as a tree, without a chain to wait for or an error that grows.

What is summed once is a stretch. Where frames have nothing to share, a stretch is a frame, tapered as it is
folded. Where they overlap much and the taper is a sum of cosines, a stretch is one hop, summed plainly at
every band and its neighbours in frequency: a frame is the join of its stretches, and the taper a weighted sum
over the neighbours. Both ways run through the same loops. The last ones serve banks so large that a fine grid
of frequencies is transformed instead and read between its points.

Arrays are flat, of float32 or float64, and sizes count elements. A tile is a few bands side by side in
registers: `lanes` real parts, then as many imaginary ones. Every sum of a row and a band is a chain of its
own in a fixed order, so the bits of a value depend on the frame's samples and the analysis alone: how rows
and bands are dealt out to tiles, groups, batches and calls is only a schedule.
"""

# numba calls by position, and infers types, for several sets of them:
# ruff: noqa: ARG001
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

from streamer.analysis.kernels.tiles import TILE_BYTES, Work

ROWS = 6  # with two registers each: 12 sums in flight hide the latency of two multiply-adds per cycle

_INT = ir.IntType(64)


# The innermost loops. Each is a plain function that says what it does, run by readers and tests, and LLVM code
# that takes its place when compiled: left to itself the compiler keeps sums in memory, at half the speed.


def fold_pieces(n_pieces, samples, samples_at, taper, taper_at, rows, rows_at, half):
    """Window pieces and fold them about their centres: half sums, then half differences, centre outwards."""
    for at in range(0, n_pieces * 2 * half, 2 * half):
        piece = samples[samples_at + at :][: 2 * half] * taper[taper_at + at :][: 2 * half]
        after, before = piece[half:], piece[:half][::-1]
        rows[rows_at + at : rows_at + at + half] = after + before
        rows[rows_at + at + half : rows_at + at + 2 * half] = after - before


def dot_rows(n_rows, tile_bytes, sums, sums_at, rows, rows_at, table, table_at, half):
    """Sums of n_rows folded pieces, for one tile of bands.

    table: half cosines, half negative sines, `lanes` of each
    """
    lanes = tile_bytes // rows.itemsize
    for row in range(2 * n_rows):
        at, part = sums_at + row * lanes, row % 2
        sums[at : at + lanes] = 0
        for k in range(half):
            entry = table_at + (part * half + k) * lanes
            sums[at : at + lanes] += rows[rows_at + row * half + k] * table[entry : entry + lanes]


def join_tiles(tile_bytes, count, sums, to, first, second, step, turns, turns_at):
    """sums[to + i] = sums[first + i * step] + turn * sums[second + i * step], for i ascending below count.

    to, first and second count tiles
    """
    lanes = tile_bytes // sums.itemsize
    turn = _read_tile(turns, turns_at, lanes)
    for i in range(count):
        earlier, later = ((place + i * step) * 2 * lanes for place in (first, second))
        joined = _read_tile(sums, earlier, lanes) + turn * _read_tile(sums, later, lanes)
        at = (to + i) * 2 * lanes
        sums[at : at + lanes], sums[at + lanes : at + 2 * lanes] = joined.real, joined.imag


def turn_out(tile_bytes, count, sums, turns, turns_at, out, out_at, out_step):
    """out = turn * tile for the first `count` tiles, real and imaginary parts side by side as complex numbers go."""
    lanes = tile_bytes // sums.itemsize
    turn = _read_tile(turns, turns_at, lanes)
    for i in range(count):
        turned = turn * _read_tile(sums, i * 2 * lanes, lanes)
        at = out_at + i * out_step
        out[at : at + 2 * lanes : 2], out[at + 1 : at + 2 * lanes : 2] = turned.real, turned.imag


def read_band(
    n_frames,
    n_bytes,
    n_weights,
    spectra,
    at,
    step,
    weights,
    weights_at,
    turns,
    turns_at,
    out,
    out_at,
    out_step,
):
    """out[i] = turn * sum of weights * spectrum i from `at` on, for i below n_frames, all of them complex.

    weights: each twice, for the real and the imaginary part   n_bytes: of a register
    """
    turn = complex(turns[turns_at], turns[turns_at + 1])
    for i in range(n_frames):
        weighted = (
            spectra[at + i * step : at + i * step + n_weights] * weights[weights_at : weights_at + n_weights]
        )
        turned = turn * complex(weighted[0::2].sum(), weighted[1::2].sum())
        out[out_at + i * out_step], out[out_at + i * out_step + 1] = turned.real, turned.imag


def _read_tile(flat: Work, at: int, lanes: int) -> NDArray[np.complexfloating]:
    tile: NDArray[np.complexfloating] = flat[at : at + lanes] + 1j * flat[at + lanes : at + 2 * lanes]
    return tile


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


@intrinsic
def _fold_pieces(_, n_pieces, samples, samples_at, taper, taper_at, rows, rows_at, half):
    def generate(context, builder, signature, args):
        wide, one = (Vectors(context, builder, rows, n_bytes) for n_bytes in (32, rows.dtype.bitwidth // 8))
        half_n = args[7]
        samples_p = wide.pointer(samples, args[1], args[2])
        taper_p = wide.pointer(taper, args[3], args[4])
        rows_p = wide.pointer(rows, args[5], args[6])

        def fold(v, piece_at, k):
            """Fold v.lanes pairs of samples: those k and more, and k + 1 and more, from the piece's centre."""
            after_at = builder.add(piece_at, builder.add(half_n, k))
            before_at = builder.sub(builder.add(piece_at, half_n), builder.add(k, ir.Constant(_INT, v.lanes)))
            after, before = (
                builder.fmul(v.load(v.offset(samples_p, at)), v.load(v.offset(taper_p, at)))
                for at in (after_at, before_at)
            )
            before = v.backwards(before)
            v.store(builder.fadd(after, before), v.offset(rows_p, builder.add(piece_at, k)))
            v.store(builder.fsub(after, before), v.offset(rows_p, after_at))

        def fold_piece(piece, _):
            at = builder.mul(piece, builder.mul(half_n, ir.Constant(_INT, 2)))
            width = ir.Constant(_INT, wide.lanes)
            with builder.if_else(builder.icmp_signed("<", half_n, width)) as (narrow, broad):
                with narrow:
                    one.repeat(half_n, [], lambda k, _: fold(one, at, k) or [])
                with broad:
                    # the last register's worth reaches back, so that none is left over
                    last = builder.sub(half_n, width)
                    steps = builder.sdiv(builder.add(half_n, ir.Constant(_INT, wide.lanes - 1)), width)

                    def fold_some(i, _):
                        k = builder.mul(i, width)
                        fold(wide, at, builder.select(builder.icmp_signed("<", k, last), k, last))
                        return []

                    wide.repeat(steps, [], fold_some)
            return []

        wide.repeat(args[0], [], fold_piece)
        return context.get_dummy_value()

    at = types.intp
    return types.void(at, samples, at, taper, at, rows, at, at), generate


@intrinsic(prefer_literal=True)
def _dot_rows(_, n_rows, tile_bytes, sums, sums_at, rows, rows_at, table, table_at, half):
    def generate(context, builder, signature, args):
        v = Vectors(context, builder, sums, tile_bytes.literal_value)
        sums_p = v.pointer(sums, args[2], args[3])
        half_n = args[8]
        starts = [v.pointer(rows, args[4], args[5])]
        for _row in range(2 * n_rows.literal_value - 1):
            starts.append(v.offset(starts[-1], half_n))
        table_p = v.pointer(table, args[6], args[7])
        for part in range(2):

            def add_products(k, totals, table_p=table_p, starts=starts[part::2]):
                entry = v.load(v.offset(table_p, builder.mul(k, ir.Constant(_INT, v.lanes))))
                return [
                    v.add_product(total, v.broadcast(v.offset(start, k)), entry)
                    for total, start in zip(totals, starts, strict=True)
                ]

            totals = v.repeat(half_n, [v.zero] * n_rows.literal_value, add_products)
            for row, total in enumerate(totals):
                v.store(total, v.offset(sums_p, (2 * row + part) * v.lanes))
            table_p = v.offset(table_p, builder.mul(half_n, ir.Constant(_INT, v.lanes)))
        return context.get_dummy_value()

    at = types.intp
    return types.void(n_rows, tile_bytes, sums, at, rows, at, table, at, at), generate


@intrinsic(prefer_literal=True)
def _join_tiles(_, tile_bytes, count, sums, to, first, second, step, turns, turns_at):
    def generate(context, builder, signature, args):
        v = Vectors(context, builder, sums, tile_bytes.literal_value)
        tile = ir.Constant(_INT, 2 * v.lanes)
        to_p, first_p, second_p = (v.pointer(sums, args[2], builder.mul(at, tile)) for at in args[3:6])
        step_n = builder.mul(args[6], tile)
        turn = v.load_pair(v.pointer(turns, args[7], args[8]))

        def join(i, _):
            at = builder.mul(i, step_n)
            first, second = v.load_pair(v.offset(first_p, at)), v.load_pair(v.offset(second_p, at))
            v.store_pair(v.add_turned(first, turn, second), v.offset(to_p, builder.mul(i, tile)))
            return []

        v.repeat(args[1], [], join)
        return context.get_dummy_value()

    at = types.intp
    return types.void(tile_bytes, at, sums, at, at, at, at, turns, at), generate


@intrinsic(prefer_literal=True)
def _turn_out(_, tile_bytes, count, sums, turns, turns_at, out, out_at, out_step):
    def generate(context, builder, signature, args):
        v = Vectors(context, builder, sums, tile_bytes.literal_value)
        sums_p = v.pointer(sums, args[2], ir.Constant(_INT, 0))
        turn = v.load_pair(v.pointer(turns, args[3], args[4]))
        out_p = v.pointer(out, args[5], args[6])

        def write(i, _):
            tile = v.load_pair(v.offset(sums_p, builder.mul(i, ir.Constant(_INT, 2 * v.lanes))))
            turned = v.add_turned((v.zero, v.zero), turn, tile)
            v.store(v.interleave(*turned), v.offset(out_p, builder.mul(i, args[7])))
            return []

        v.repeat(args[1], [], write)
        return context.get_dummy_value()

    at = types.intp
    return types.void(tile_bytes, at, sums, turns, at, out, at, at), generate


@intrinsic(prefer_literal=True)
def _read_band(
    _,
    n_frames,
    n_bytes,
    n_weights,
    spectra,
    at,
    step,
    weights,
    weights_at,
    turns,
    turns_at,
    out,
    out_at,
    out_step,
):
    def generate(context, builder, signature, args):
        v = Vectors(context, builder, spectra, n_bytes.literal_value)
        one = Vectors(context, builder, spectra, v.bits // 8)
        n_registers = n_weights.literal_value // v.lanes
        weights_p = v.pointer(weights, args[6], args[7])
        held = [v.load(v.offset(weights_p, i * v.lanes)) for i in range(n_registers)]
        turns_p = one.pointer(turns, args[8], args[9])
        real_turn, imaginary_turn = builder.load(turns_p), builder.load(one.offset(turns_p, 1))
        spectra_p, out_p = v.pointer(spectra, args[3], args[4]), v.pointer(out, args[10], args[11])

        def read(i, _):
            start = v.offset(spectra_p, builder.mul(i, args[5]))
            total = builder.fmul(held[0], v.load(start))
            for j in range(1, n_registers):
                total = v.add_product(total, held[j], v.load(v.offset(start, j * v.lanes)))
            lanes = v.lanes
            while lanes > 2:  # halves upon halves, until one real and one imaginary part are left
                lanes //= 2
                halves = [
                    builder.shuffle_vector(
                        total,
                        total,
                        ir.Constant(ir.VectorType(ir.IntType(32), lanes), list(range(at, at + lanes))),
                    )
                    for at in (0, lanes)
                ]
                total = builder.fadd(*halves)
            real, imaginary = (
                builder.extract_element(total, ir.Constant(ir.IntType(32), part)) for part in range(2)
            )
            to = v.offset(out_p, builder.mul(i, args[12]))
            builder.store(
                builder.fsub(builder.fmul(real_turn, real), builder.fmul(imaginary_turn, imaginary)), to
            )
            builder.store(
                builder.fadd(builder.fmul(real_turn, imaginary), builder.fmul(imaginary_turn, real)),
                one.offset(to, 1),
            )
            return []

        v.repeat(args[0], [], read)
        return context.get_dummy_value()

    at_ = types.intp
    return (
        types.void(at_, n_bytes, n_weights, spectra, at_, at_, weights, at_, turns, at_, out, at_, at_),
        generate,
    )


@overload(fold_pieces)
def _compiled_fold_pieces(n_pieces, samples, samples_at, taper, taper_at, rows, rows_at, half):
    def call(n_pieces, samples, samples_at, taper, taper_at, rows, rows_at, half):
        _fold_pieces(n_pieces, samples, samples_at, taper, taper_at, rows, rows_at, half)

    return call


@overload(dot_rows, prefer_literal=True)
def _compiled_dot_rows(n_rows, tile_bytes, sums, sums_at, rows, rows_at, table, table_at, half):
    def call(n_rows, tile_bytes, sums, sums_at, rows, rows_at, table, table_at, half):
        _dot_rows(n_rows, tile_bytes, sums, sums_at, rows, rows_at, table, table_at, half)

    return call


@overload(join_tiles, prefer_literal=True)
def _compiled_join_tiles(tile_bytes, count, sums, to, first, second, step, turns, turns_at):
    def call(tile_bytes, count, sums, to, first, second, step, turns, turns_at):
        _join_tiles(tile_bytes, count, sums, to, first, second, step, turns, turns_at)

    return call


@overload(turn_out, prefer_literal=True)
def _compiled_turn_out(tile_bytes, count, sums, turns, turns_at, out, out_at, out_step):
    def call(tile_bytes, count, sums, turns, turns_at, out, out_at, out_step):
        _turn_out(tile_bytes, count, sums, turns, turns_at, out, out_at, out_step)

    return call


@overload(read_band, prefer_literal=True)
def _compiled_read_band(
    n_frames,
    n_bytes,
    n_weights,
    spectra,
    at,
    step,
    weights,
    weights_at,
    turns,
    turns_at,
    out,
    out_at,
    out_step,
):
    def call(
        n_frames,
        n_bytes,
        n_weights,
        spectra,
        at,
        step,
        weights,
        weights_at,
        turns,
        turns_at,
        out,
        out_at,
        out_step,
    ):
        _read_band(
            n_frames,
            n_bytes,
            n_weights,
            spectra,
            at,
            step,
            weights,
            weights_at,
            turns,
            turns_at,
            out,
            out_at,
            out_step,
        )

    return call


# The loops around them. All in this file: numba's cache notices changes in the file of a function only.


@njit(nogil=True)
def fold_stretch(samples, at, length, taper, ending, rows, rows_at, half):
    """Window and fold the `length` samples from samples[at] on into taper.size // (2 * half) pieces.

    ending: scratch as long as the taper and zero beyond length, for the pieces that the samples do not fill
    """
    n_full = length // (2 * half)
    fold_pieces(n_full, samples, at, taper, 0, rows, rows_at, half)
    done = n_full * 2 * half
    if done < taper.size:
        for n in range(done, length):
            ending[n] = samples[at + n]
        n_more = (taper.size - done) // (2 * half)
        fold_pieces(n_more, ending, done, taper, done, rows, rows_at + done, half)


def _make_tile_loop(tile_bytes: int) -> Callable[..., None]:
    """The loops over one tile of bands, for tiles of this width. Put in line, they are compiled once and not thrice."""

    @njit(nogil=True, inline="always")
    def sum_stretches(n_rows, levels, sums, to, rows, rows_at, half, table, table_at, turns, turns_at):
        """Sum n_rows pieces and join each 2**levels of them: n_rows >> levels tiles, from tile `to` on."""
        tile = 2 * (tile_bytes // sums.itemsize)
        row = 0
        while row < n_rows:
            at, row_to = rows_at + row * 2 * half, (to + row) * tile
            if row + ROWS <= n_rows:
                dot_rows(ROWS, tile_bytes, sums, row_to, rows, at, table, table_at, half)
                row += ROWS
            elif row + 2 <= n_rows:
                dot_rows(2, tile_bytes, sums, row_to, rows, at, table, table_at, half)
                row += 2
            else:
                dot_rows(1, tile_bytes, sums, row_to, rows, at, table, table_at, half)
                row += 1
        for level in range(levels):
            n_rows //= 2
            join_tiles(tile_bytes, n_rows, sums, to, to, to + 1, 2, turns, turns_at + level * tile)

    @njit(nogil=True, inline="always")
    def add_frames(n_frames, per_frame, sums, to, first, turns, turns_at):
        """Add to tiles `to` and on the turned joins of per_frame stretches each, from tiles `first` and on.

        turns: that over 1, 2, 4 ... stretches, as many as double up to per_frame, then one per bit of it
        """
        tile = 2 * (tile_bytes // sums.itemsize)
        n_joined, doublings = 1, 0
        while 2 * n_joined <= per_frame:
            n_joined *= 2
            doublings += 1
        weights_at = turns_at + doublings * tile
        count, n_joined, added = n_frames + per_frame - 1, 1, 0
        while True:
            if per_frame & n_joined:
                join_tiles(tile_bytes, n_frames, sums, to, to, first + added, 1, turns, weights_at)
                added += n_joined
                weights_at += tile
            if 2 * n_joined > per_frame:
                return
            count -= n_joined
            join_tiles(tile_bytes, count, sums, first, first, first + n_joined, 1, turns, turns_at)
            n_joined *= 2
            turns_at += tile

    @njit(nogil=True, inline="always")
    def write_tile(count, sums, turns, turns_at, band, bands, out, out_at):
        """Turn the first `count` tiles and write them as the bands from `band` on of as many frames."""
        lanes = tile_bytes // sums.itemsize
        if band + lanes <= bands:
            turn_out(tile_bytes, count, sums, turns, turns_at, out, out_at, 2 * bands)
            return
        # The tile reaches beyond the last band.
        turn_out(tile_bytes, count, sums, turns, turns_at, sums, 0, 2 * lanes)
        for i in range(count):
            for j in range(2 * (bands - band)):
                out[out_at + i * 2 * bands + j] = sums[i * 2 * lanes + j]

    @njit(nogil=True, inline="always")
    def evaluate_tile(
        n_frames,
        known,
        per_frame,
        streams,
        half,
        levels,
        stream_turns,
        rows,
        table,
        turns,
        batch,
        sums,
        kept,
        band,
        bands,
        out,
        out_at,
    ):
        """Fill out with X of n_frames frames for the bands of the tile that starts at `band`.

        known: how many stretches are in `kept` and not in rows
        """
        lanes = tile_bytes // sums.itemsize
        tile, shared = 2 * lanes, per_frame - 1
        turns_at = band * 2 * (streams * stream_turns + 1)
        one_at = turns_at + streams * stream_turns * tile
        alone = per_frame * streams == 1  # a frame is one stretch of one stream: nothing to add up
        for first in range(0, n_frames, batch):
            n = min(batch, n_frames - first)
            sums_to = 0 if alone else n
            for j in range(sums_to * tile):
                sums[j] = 0
            for stream in range(streams):
                at = turns_at + stream * stream_turns * tile
                table_at = (band * streams + stream * lanes) * 2 * half
                kept_at = (band * streams + stream * lanes) * 2 * shared
                for j in range(known * tile):
                    sums[sums_to * tile + j] = kept[kept_at + j]
                fresh, rows_at = n + shared - known, (first * 2 * half) << levels
                sum_stretches(
                    fresh << levels,
                    levels,
                    sums,
                    sums_to + known,
                    rows,
                    rows_at,
                    half,
                    table,
                    table_at,
                    turns,
                    at,
                )
                if not alone:
                    for j in range(shared * tile):
                        kept[kept_at + j] = sums[2 * n * tile + j]
                    add_frames(n, per_frame, sums, 0, n, turns, at + levels * tile)
            turn_at = turns_at + levels * tile if alone else one_at
            write_tile(n, sums, turns, turn_at, band, bands, out, out_at + first * 2 * bands)

    loop: Callable[..., None] = evaluate_tile
    return loop


_evaluate_tile = _make_tile_loop(TILE_BYTES)
_evaluate_half_tile = _make_tile_loop(TILE_BYTES // 2)


@njit(nogil=True)
def evaluate_frames(
    samples: Work,
    hop: int,
    n_frames: int,
    known: int,
    length: int,
    per_frame: int,
    streams: int,
    half: int,
    levels: int,
    stream_turns: int,
    taper: Work,
    table: Work,
    turns: Work,
    group: int,
    batch: int,
    ending: Work,
    rows: Work,
    sums: Work,
    kept: Work,
    bands: int,
    out: Work,
) -> None:
    """Fill out[i, band] with X of the frame that starts at samples[i * hop].

    A frame is per_frame stretches a hop apart, a stretch `length` samples in 2**levels pieces of 2 * half, and
    streams is the number of frequencies summed for a band: the taper's cosines.

    known: how many stretches at the start have their sums in `kept` already: none, or per_frame - 1
    taper: (2 * half << levels,), zero beyond length
    table: per tile and stream, (half, lanes) cosines and negative sines of the samples k + 1/2 from the centre
    turns: per tile and stream, the turns over 1, 2, 4 ... pieces, over 1, 2, 4 ... stretches, and for each bit
        of per_frame the weight of the stream times the turn to there and to the centre of the first piece;
        per tile a 1
    kept: per tile and stream, the sums of the last per_frame - 1 stretches, for the next call
    group: frames folded at once   batch: frames of one tile at once   ending, rows, sums: scratch
    out: (n_frames, bands) complex, given as its real and imaginary parts
    """
    lanes = TILE_BYTES // sums.itemsize
    for first in range(0, n_frames, group):
        count = min(group, n_frames - first)
        for i in range(count + per_frame - 1 - known):
            at = (first + known + i) * hop
            fold_stretch(samples, at, length, taper, ending, rows, i * taper.size, half)
        band = 0
        while band < bands:
            to = (first * bands + band) * 2
            if 2 * (bands - band) > lanes:
                _evaluate_tile(
                    count,
                    known,
                    per_frame,
                    streams,
                    half,
                    levels,
                    stream_turns,
                    rows,
                    table,
                    turns,
                    batch,
                    sums,
                    kept,
                    band,
                    bands,
                    out,
                    to,
                )
                band += lanes
            else:
                _evaluate_half_tile(
                    count,
                    known,
                    per_frame,
                    streams,
                    half,
                    levels,
                    stream_turns,
                    rows,
                    table,
                    turns,
                    batch,
                    sums,
                    kept,
                    band,
                    bands,
                    out,
                    to,
                )
                band += lanes // 2
        known = per_frame - 1


@njit(nogil=True)
def lay_out_frames(samples, at, hop, taper, padded):
    """Fill row i of padded with the frame from samples[at + i * hop] on, tapered, its middle sample at 0.

    padded: (frames, grid), whose rows are read as circles; zero between the frame's end and its beginning
    """
    centre = taper.size // 2
    grid = padded.shape[1]
    for i in range(padded.shape[0]):
        frame, row = samples[at + i * hop : at + i * hop + taper.size], padded[i]
        for n in range(taper.size - centre):
            row[n] = frame[centre + n] * taper[centre + n]
        for n in range(centre):
            row[grid - centre + n] = frame[n] * taper[n]


@njit(nogil=True)
def mirror_ends(spectra, margin):
    """Continue spectra of real signals beyond 0 and fs/2: (frames, margin + grid / 2 + 1 + margin)."""
    last = spectra.shape[1] - 1 - margin
    for i in range(spectra.shape[0]):
        for j in range(1, margin + 1):
            spectra[i, margin - j] = spectra[i, margin + j].conjugate()
            spectra[i, last + j] = spectra[i, last - j].conjugate()


@njit(nogil=True)
def read_bands(n_frames, n_weights, spectra, step, firsts, weights, turns, out, out_at, bands):
    """Fill out[i, band] with what the band's weights make of spectrum i from its first point on.

    firsts: (bands,)   weights: (bands, n_weights)   turns: (bands,) complex
    """
    # four frames at a time: rows of out a power of two apart would share too few places in the cache
    for first in range(0, n_frames, 4):
        n = min(4, n_frames - first)
        for band in range(bands):
            at, to = first * step + firsts[band], out_at + (first * bands + band) * 2
            if spectra.itemsize == 4:
                read_band(
                    n,
                    32,
                    16,
                    spectra,
                    at,
                    step,
                    weights,
                    band * n_weights,
                    turns,
                    band * 2,
                    out,
                    to,
                    2 * bands,
                )
            else:
                read_band(
                    n,
                    32,
                    28,
                    spectra,
                    at,
                    step,
                    weights,
                    band * n_weights,
                    turns,
                    band * 2,
                    out,
                    to,
                    2 * bands,
                )

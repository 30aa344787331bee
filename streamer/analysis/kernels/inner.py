"""The innermost loops.

A full tile holds real parts, then imaginary ones; a half one has both side by side, and so fills a register too.

Each is a plain function that says what it does, run by readers and tests, and LLVM code that takes its place when
compiled: left to itself the compiler keeps sums in memory, at half the speed.
"""

# numba calls by position, and infers types, for several sets of them:
# ruff: noqa: ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload
from numpy.typing import NDArray

from streamer.analysis.kernels.tiles import TILE_BYTES, Work
from streamer.analysis.kernels.vectors import INT, Tiles, Vectors


def fold_pieces(n_pieces, samples, samples_at, taper, taper_at, rows, rows_at, half):
    """Window pieces and fold them about their centres: a sum and a difference of each pair, centre outwards."""
    for at in range(0, n_pieces * 2 * half, 2 * half):
        piece = samples[samples_at + at :][: 2 * half] * taper[taper_at + at :][: 2 * half]
        after, before = piece[half:], piece[:half][::-1]
        rows[rows_at + at : rows_at + at + 2 * half : 2] = after + before
        rows[rows_at + at + 1 : rows_at + at + 2 * half : 2] = after - before


def dot_rows(n_rows, tile_bytes, sums, sums_at, rows, rows_at, table, table_at, half):
    """Sums of n_rows folded pieces, for one tile of bands.

    table: of a full tile, half cosines, half negative sines, `lanes` of each; of a half tile, both for each of half
    """
    lanes = tile_bytes // rows.itemsize
    table = table[table_at : table_at + 2 * half * lanes]
    for row in range(n_rows):
        piece = rows[rows_at + row * 2 * half : rows_at + (row + 1) * 2 * half]
        tile = sums[sums_at + row * 2 * lanes : sums_at + (row + 1) * 2 * lanes]
        tile[:] = 0
        for k in range(half):
            if tile_bytes == TILE_BYTES:
                tile[:lanes] += piece[2 * k] * table[k * lanes : (k + 1) * lanes]
                tile[lanes:] += piece[2 * k + 1] * table[(half + k) * lanes : (half + k + 1) * lanes]
            else:
                tile += np.tile(piece[2 * k : 2 * k + 2], lanes) * table[k * 2 * lanes : (k + 1) * 2 * lanes]


def join_tiles(tile_bytes, count, sums, to, first, second, step, turns, turns_at):
    """sums[to + i] = sums[first + i * step] + turn * sums[second + i * step], for i ascending below count.

    to, first and second count tiles
    """
    size = 2 * (tile_bytes // sums.itemsize)
    turn = _read_tile(turns, turns_at, TILE_BYTES, size)
    for i in range(count):
        earlier, later = ((place + i * step) * size for place in (first, second))
        joined = _read_tile(sums, earlier, tile_bytes, size) + turn * _read_tile(
            sums, later, tile_bytes, size
        )
        real, imaginary = _parts(sums, (to + i) * size, tile_bytes, size)
        real[:], imaginary[:] = joined.real, joined.imag


def turn_out(tile_bytes, count, sums, turns, turns_at, out, out_at, out_step):
    """out = turn * tile for the first `count` tiles, real and imaginary parts side by side as complex numbers go."""
    size = 2 * (tile_bytes // sums.itemsize)
    turn = _read_tile(turns, turns_at, TILE_BYTES, size)
    for i in range(count):
        turned = turn * _read_tile(sums, i * size, tile_bytes, size)
        at = out_at + i * out_step
        out[at : at + size : 2], out[at + 1 : at + size : 2] = turned.real, turned.imag


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


def _read_tile(flat: Work, at: int, tile_bytes: int, size: int) -> NDArray[np.complexfloating]:
    real, imaginary = _parts(flat, at, tile_bytes, size)
    tile: NDArray[np.complexfloating] = real + 1j * imaginary
    return tile


def _parts(flat: Work, at: int, tile_bytes: int, size: int) -> tuple[Work, Work]:
    """Real and imaginary parts of the tile of so many elements. Those of turns lie as in a full tile in any."""
    tile = flat[at : at + size]
    if tile_bytes == TILE_BYTES:
        return tile[: size // 2], tile[size // 2 :]
    return tile[0::2], tile[1::2]


@intrinsic
def _fold_pieces(_, n_pieces, samples, samples_at, taper, taper_at, rows, rows_at, half):
    def generate(context, builder, signature, args):
        wide, one = (
            Vectors(context, builder, rows, n_bytes) for n_bytes in (TILE_BYTES, rows.dtype.bitwidth // 8)
        )
        half_n = args[7]
        samples_p = wide.pointer(samples, args[1], args[2])
        taper_p = wide.pointer(taper, args[3], args[4])
        rows_p = wide.pointer(rows, args[5], args[6])

        def fold(v, piece_at, k):
            """Fold v.lanes pairs of samples: those k and more, and k + 1 and more, from the piece's centre."""
            after_at = builder.add(piece_at, builder.add(half_n, k))
            before_at = builder.sub(builder.add(piece_at, half_n), builder.add(k, ir.Constant(INT, v.lanes)))
            after, before = (
                builder.fmul(v.load(v.offset(samples_p, at)), v.load(v.offset(taper_p, at)))
                for at in (after_at, before_at)
            )
            before = v.backwards(before)
            folded = v.interleave(builder.fadd(after, before), builder.fsub(after, before))
            v.store(folded, v.offset(rows_p, builder.add(piece_at, builder.mul(k, ir.Constant(INT, 2)))))

        def fold_piece(piece, _):
            at = builder.mul(piece, builder.mul(half_n, ir.Constant(INT, 2)))
            width = ir.Constant(INT, wide.lanes)
            with builder.if_else(builder.icmp_signed("<", half_n, width)) as (narrow, broad):
                with narrow:
                    one.repeat(half_n, [], lambda k, _: fold(one, at, k) or [])
                with broad:
                    # the last register's worth reaches back, so that none is left over
                    last = builder.sub(half_n, width)
                    steps = builder.sdiv(builder.add(half_n, ir.Constant(INT, wide.lanes - 1)), width)

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
        # what is added at once: the real or the imaginary parts of a full tile, both of a half one
        v = Vectors(context, builder, sums, TILE_BYTES)
        parts = tile_bytes.literal_value // (TILE_BYTES // 2)
        sums_p = v.pointer(sums, args[2], args[3])
        half_n = args[8]
        starts = [v.pointer(rows, args[4], args[5])]
        for _row in range(n_rows.literal_value - 1):
            starts.append(v.offset(starts[-1], builder.mul(half_n, ir.Constant(INT, 2))))
        table_p = v.pointer(table, args[6], args[7])
        for part in range(parts):

            def add_products(k, totals, table_p=table_p, part=part):
                entry = v.load(v.offset(table_p, builder.mul(k, ir.Constant(INT, v.lanes))))
                places = [
                    v.offset(v.offset(start, part), builder.mul(k, ir.Constant(INT, 2))) for start in starts
                ]
                spread = [v.broadcast(place) if parts == 2 else v.broadcast_pair(place) for place in places]
                return [v.add_product(total, x, entry) for total, x in zip(totals, spread, strict=True)]

            totals = v.repeat(half_n, [v.zero] * n_rows.literal_value, add_products)
            for row, total in enumerate(totals):
                v.store(total, v.offset(sums_p, (parts * row + part) * v.lanes))
            table_p = v.offset(table_p, builder.mul(half_n, ir.Constant(INT, v.lanes)))
        return context.get_dummy_value()

    at = types.intp
    return types.void(n_rows, tile_bytes, sums, at, rows, at, table, at, at), generate


@intrinsic(prefer_literal=True)
def _join_tiles(_, tile_bytes, count, sums, to, first, second, step, turns, turns_at):
    def generate(context, builder, signature, args):
        v = Tiles(context, builder, sums, tile_bytes.literal_value)
        tile = ir.Constant(INT, v.size)
        to_p, first_p, second_p = (v.pointer(sums, args[2], builder.mul(at, tile)) for at in args[3:6])
        step_n = builder.mul(args[6], tile)
        turn = v.load_turn(v.pointer(turns, args[7], args[8]))

        def join(i, _):
            at = builder.mul(i, step_n)
            first, second = v.load_tile(v.offset(first_p, at)), v.load_tile(v.offset(second_p, at))
            v.store_tile(v.add_turned(first, turn, second), v.offset(to_p, builder.mul(i, tile)))
            return []

        v.repeat(args[1], [], join)
        return context.get_dummy_value()

    at = types.intp
    return types.void(tile_bytes, at, sums, at, at, at, at, turns, at), generate


@intrinsic(prefer_literal=True)
def _turn_out(_, tile_bytes, count, sums, turns, turns_at, out, out_at, out_step):
    def generate(context, builder, signature, args):
        v = Tiles(context, builder, sums, tile_bytes.literal_value)
        sums_p = v.pointer(sums, args[2], ir.Constant(INT, 0))
        turn = v.load_turn(v.pointer(turns, args[3], args[4]))
        out_p = v.pointer(out, args[5], args[6])

        def write(i, _):
            tile = v.load_tile(v.offset(sums_p, builder.mul(i, ir.Constant(INT, v.size))))
            v.store_side_by_side(
                v.add_turned(v.nothing, turn, tile), v.offset(out_p, builder.mul(i, args[7]))
            )
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

"""Frames from stretches: fold, sum, join, tile by tile of bands."""

# numba infers types, for several sets of them:
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

from collections.abc import Callable

from numba import njit

from streamer.analysis.kernels.inner import dot_rows, fold_pieces, join_tiles, turn_out
from streamer.analysis.kernels.tiles import TILE_BYTES, Work

ROWS = 6  # with two registers each: 12 sums in flight hide the latency of two multiply-adds per cycle


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
    samples_at: int,
    samples_stride: int,
    n_channels: int,
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
    out_at: int,
    out_stride: int,
) -> None:
    """Fill out[i, band] with X of the frame that starts at samples[i * hop], and the same of further channels.

    samples_at, out_at: where in samples and out those of the first channel begin   strides: how far on the next ones'

    A frame is per_frame stretches a hop apart, a stretch `length` samples in 2**levels pieces of 2 * half, and
    streams is the number of frequencies summed for a band: the taper's cosines.

    known: how many stretches at the start have their sums in `kept` already: none, or per_frame - 1, of one channel
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
    for channel in range(n_channels):
        for first in range(0, n_frames, group):
            count = min(group, n_frames - first)
            for i in range(count + per_frame - 1 - known):
                at = samples_at + channel * samples_stride + (first + known + i) * hop
                fold_stretch(samples, at, length, taper, ending, rows, i * taper.size, half)
            band = 0
            while band < bands:
                to = out_at + channel * out_stride + (first * bands + band) * 2
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

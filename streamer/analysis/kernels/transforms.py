"""The Fourier transform of a frame that is real, and zero but for its middle half, in the middle of a circle.

Of n complex numbers, two samples each: passes by Stockham, each of which reads what lies n / radix apart and writes
it side by side, so that the last leaves all in order. A register holds neighbours of one frame, and a frame alone
costs what each of many costs.

    begin_transform   radix 4, of which two inputs are zero      run_pass   radix 2, 3, 4, 5 or 8, until n are in order
    end_transform     n complex numbers apart into the spectrum of 2n real ones

Real parts and, `part` elements on, imaginary parts.
"""

# numba calls by position, and infers types, for several sets of them:
# ruff: noqa: ARG001
# mypy: disable-error-code="no-untyped-def, no-untyped-call"

from __future__ import annotations

import math

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic, overload

from streamer.analysis.kernels.vectors import INT, Vectors

RADICES = (2, 3, 4, 5, 8)


def begin_transform(n_bytes, quarter, frame, values, part, turns):
    """The first pass: frame holds the samples before the middle, then as many from there on, 2 * quarter each.

    turns: per register exp(-2j pi p k / n) for its p, k = 1, 2, 3   Writes up to 4 registers beyond n.
    """
    lanes = n_bytes // frame.itemsize
    before, after = (frame[: 4 * quarter : 2] + 1j * frame[1 : 4 * quarter : 2]).reshape(2, quarter)
    for p in range(quarter):
        at = p // lanes * 6 * lanes + p % lanes
        for k in range(4):
            z = after[p] + 1j**k * before[p]
            if k:
                z *= turns[at + (2 * k - 2) * lanes] + 1j * turns[at + (2 * k - 1) * lanes]
            values[4 * p + k], values[part + 4 * p + k] = z.real, z.imag


def run_pass(n_bytes, radix, stride, count, values, source, to, part, turns, turns_at):
    """One pass, from values[source:] to values[to:]: radix * count groups of `stride` neighbours.

    turns: per p below count exp(-2j pi p k / (radix * count)), k = 1 ... radix - 1
    """
    n = radix * count * stride
    read = values[source : source + n] + 1j * values[source + part : source + part + n]
    read = read.reshape(radix, count, stride)
    turned_by = np.outer(np.arange(radix), np.arange(radix)) % radix
    matrix = np.exp(-2j * np.pi * turned_by / radix)
    pairs = turns[turns_at : turns_at + 2 * count * (radix - 1)].reshape(count, radix - 1, 2)
    turned = np.concatenate([np.ones((count, 1)), pairs[:, :, 0] + 1j * pairs[:, :, 1]], axis=1)
    written = (np.einsum("kj,jpq->pkq", matrix, read) * turned[:, :, np.newaxis]).ravel()
    values[to : to + n], values[to + part : to + part + n] = written.real, written.imag


def end_transform(n_bytes, n, values, source, part, turns, turns_at, out, out_at):
    """Fill out, 0 to n, complex, with the spectrum of 2n real numbers from the transform z of n pairs of them.

    z[n] is z[0]. turns: per register of k to n / 2, -1j exp(-pi j k / n)
    """
    lanes = n_bytes // values.itemsize
    z = values[source : source + n + 1] + 1j * values[source + part : source + part + n + 1]
    for k in range(n // 2 + 1):
        at = turns_at + k // lanes * 2 * lanes + k % lanes
        even, odd = z[k] + z[n - k].conjugate(), z[k] - z[n - k].conjugate()
        odd *= turns[at] + 1j * turns[at + lanes]
        for place, value in ((n - k, (even - odd).conjugate()), (k, even + odd)):
            out[out_at + 2 * place], out[out_at + 2 * place + 1] = value.real, value.imag


@intrinsic(prefer_literal=True)
def _begin_transform(_, n_bytes, quarter, frame, values, part, turns):
    def generate(context, builder, signature, args):
        v = Vectors(context, builder, values, n_bytes.literal_value)
        zero, width = ir.Constant(INT, 0), ir.Constant(INT, v.lanes)
        before_p = v.pointer(frame, args[2], zero)
        after_p = v.offset(before_p, builder.mul(args[1], ir.Constant(INT, 2)))
        turns_p = v.pointer(turns, args[5], zero)
        outs = [v.pointer(values, args[3], at) for at in (zero, args[4])]

        def begin(i, _):
            at = builder.mul(i, ir.Constant(INT, 2 * v.lanes))
            before, after = (v.load_complex(v.offset(p, at)) for p in (before_p, after_p))
            sums = [v.add(after, before), v.subtract(after, v.turn_back(before))]
            sums += [v.subtract(after, before), v.add(after, v.turn_back(before))]
            turn_p = v.offset(turns_p, builder.mul(i, ir.Constant(INT, 6 * v.lanes)))
            for k in range(1, 4):
                sums[k] = v.multiply(v.load_pair(v.offset(turn_p, (2 * k - 2) * v.lanes)), sums[k])
            for parts, out_p in zip(zip(*sums, strict=True), outs, strict=True):
                v.store(v.weave(parts), v.offset(out_p, builder.mul(i, ir.Constant(INT, 4 * v.lanes))))
            return []

        steps = builder.sdiv(builder.add(args[1], ir.Constant(INT, v.lanes - 1)), width)
        v.repeat(steps, [], begin)
        return context.get_dummy_value()

    at = types.intp
    return types.void(n_bytes, at, frame, values, at, turns), generate


@intrinsic(prefer_literal=True)
def _run_pass(_, n_bytes, radix, stride, count, values, source, to, part, turns, turns_at):
    def generate(context, builder, signature, args):
        v = Vectors(context, builder, values, n_bytes.literal_value)
        stride_n, count_n = args[2], args[3]
        reads, writes = ([v.pointer(values, args[4], at), None] for at in (args[5], args[6]))
        for pair in (reads, writes):
            pair[1] = v.offset(pair[0], args[7])
        turns_p = v.pointer(turns, args[8], args[9])
        steps = builder.sdiv(stride_n, ir.Constant(INT, v.lanes))
        apart = builder.mul(count_n, stride_n)
        for r in RADICES:
            with builder.if_then(builder.icmp_signed("==", args[1], ir.Constant(INT, r))):

                def run_groups(p, _, r=r):
                    turn_p = v.offset(turns_p, builder.mul(p, ir.Constant(INT, 2 * (r - 1))))
                    scalars = [v.broadcast(v.offset(turn_p, i)) for i in range(2 * (r - 1))]
                    turned = list(zip(scalars[0::2], scalars[1::2], strict=True))
                    read_at = builder.mul(p, stride_n)
                    write_at = builder.mul(read_at, ir.Constant(INT, r))

                    def run(i, _):
                        q = builder.mul(i, ir.Constant(INT, v.lanes))
                        at, inputs = builder.add(read_at, q), []
                        for _input in range(r):
                            inputs.append(tuple(v.load(v.offset(pointer, at)) for pointer in reads))
                            at = builder.add(at, apart)
                        first, *others = _transform(v, inputs)
                        at = builder.add(write_at, q)
                        for z in (first, *map(v.multiply, turned, others)):
                            for value, pointer in zip(z, writes, strict=True):
                                v.store(value, v.offset(pointer, at))
                            at = builder.add(at, stride_n)
                        return []

                    v.repeat(steps, [], run)
                    return []

                v.repeat(count_n, [], run_groups)
        return context.get_dummy_value()

    at = types.intp
    return types.void(n_bytes, at, at, at, values, at, at, at, turns, at), generate


def _transform(v, z):
    """The discrete Fourier transform of 2, 3, 4, 5 or 8 complex registers."""
    n = len(z)
    if n == 2:
        return [v.add(*z), v.subtract(*z)]
    if n % 2:
        return _transform_odd(v, z)
    even, odd = _transform(v, z[0::2]), _transform(v, z[1::2])
    turned = []
    for k, (real, imaginary) in enumerate(odd):
        parts = real, imaginary
        if n == 8 and k % 2:  # by (1 - j) / sqrt(2)
            parts = v.builder.fadd(real, imaginary), v.builder.fsub(imaginary, real)
            parts = tuple(v.builder.fmul(v.constant(math.sqrt(0.5)), part) for part in parts)
        turned.append(v.turn_back(parts) if k >= n // 4 else parts)
    pairs = list(zip(even, turned, strict=True))
    return [v.add(*pair) for pair in pairs] + [v.subtract(*pair) for pair in pairs]


def _transform_odd(v, z):
    """Of an odd number of registers: sums and differences of those that mirror each other."""
    n = len(z)
    sums = [v.add(z[j], z[n - j]) for j in range(1, n // 2 + 1)]
    differences = [v.turn_back(v.subtract(z[j], z[n - j])) for j in range(1, n // 2 + 1)]
    total = z[0]
    for each in sums:
        total = v.add(total, each)
    outputs = [total] * n
    for k in range(1, n // 2 + 1):
        even, odd = z[0], (v.zero, v.zero)
        for j, (each, difference) in enumerate(zip(sums, differences, strict=True), start=1):
            angle = 2 * math.pi * j * k / n
            cosine, sine = v.constant(math.cos(angle)), v.constant(math.sin(angle))
            even = tuple(v.add_product(t, cosine, x) for t, x in zip(even, each, strict=True))
            odd = tuple(v.add_product(t, sine, x) for t, x in zip(odd, difference, strict=True))
        outputs[k], outputs[n - k] = v.add(even, odd), v.subtract(even, odd)
    return outputs


@intrinsic(prefer_literal=True)
def _end_transform(_, n_bytes, n, values, source, part, turns, turns_at, out, out_at):
    def generate(context, builder, signature, args):
        v = Vectors(context, builder, values, n_bytes.literal_value)
        source_p = v.pointer(values, args[2], args[3])
        parts = (source_p, v.offset(source_p, args[4]))
        turns_p, out_p = v.pointer(turns, args[5], args[6]), v.pointer(out, args[7], args[8])
        width = ir.Constant(INT, v.lanes)

        def split(i, _):
            k = builder.mul(i, width)
            mirrored = builder.sub(builder.sub(args[1], k), ir.Constant(INT, v.lanes - 1))
            z = tuple(v.load(v.offset(p, k)) for p in parts)
            other = tuple(v.backwards(v.load(v.offset(p, mirrored))) for p in parts)
            other = (other[0], builder.fneg(other[1]))
            turn_p = v.offset(turns_p, builder.mul(k, ir.Constant(INT, 2)))
            even, odd = v.add(z, other), v.multiply(v.load_pair(turn_p), v.subtract(z, other))
            real, imaginary = v.subtract(even, odd)
            real, imaginary = v.backwards(real), v.backwards(builder.fneg(imaginary))
            for value, place in (((real, imaginary), mirrored), (v.add(even, odd), k)):
                v.store(v.interleave(*value), v.offset(out_p, builder.mul(place, ir.Constant(INT, 2))))
            return []

        # k to n / 2, and what the last register holds beyond it
        steps = builder.add(builder.sdiv(args[1], ir.Constant(INT, 2 * v.lanes)), ir.Constant(INT, 1))
        v.repeat(steps, [], split)
        return context.get_dummy_value()

    at = types.intp
    return types.void(n_bytes, at, values, at, at, turns, at, out, at), generate


@overload(begin_transform, prefer_literal=True)
def _compiled_begin_transform(n_bytes, quarter, frame, values, part, turns):
    def call(n_bytes, quarter, frame, values, part, turns):
        _begin_transform(n_bytes, quarter, frame, values, part, turns)

    return call


@overload(run_pass, prefer_literal=True)
def _compiled_run_pass(n_bytes, radix, stride, count, values, source, to, part, turns, turns_at):
    def call(n_bytes, radix, stride, count, values, source, to, part, turns, turns_at):
        _run_pass(n_bytes, radix, stride, count, values, source, to, part, turns, turns_at)

    return call


@overload(end_transform, prefer_literal=True)
def _compiled_end_transform(n_bytes, n, values, source, part, turns, turns_at, out, out_at):
    def call(n_bytes, n, values, source, part, turns, turns_at, out, out_at):
        _end_transform(n_bytes, n, values, source, part, turns, turns_at, out, out_at)

    return call

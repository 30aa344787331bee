"""The one-line language of made-up signals, for sim:SPEC and `streamer generate SPEC`."""

from __future__ import annotations

import re
from dataclasses import replace

from streamer.base.errors import SpecError
from streamer.base.text import choose, shorten
from streamer.sources.formats.g711 import LAWS
from streamer.sources.synthetic.parts import MAKERS, Made, make
from streamer.sources.synthetic.sounds import Signal, Sound
from streamer.sources.synthetic.voices import Noise
from streamer.sources.synthetic.words import MAX_SIGNAL_S, USAGE, Part, find_family, list_kinds

GRAMMAR = """\
A signal is parts joined by commas, which follow each other; parts joined by + begin together.
tone, noise and hum without a LENGTH do not take a turn: they sound beneath the whole, from its beginning to
its end. A signal of nothing else never ends.

  tone:350+440@-20:2s           sines together, 2 s long; LEVEL is that of each, in dBFS (-12)
                                swell=15Hz swells it by a fifth, turn=450ms turns its phase so often: a V.8 answer
  dtmf:5550123@-10:50ms/50ms    digits 0-9 A-D * #, on and off; twist=3dB puts the high tone above the low one
  two-tone:349.0/433.7          two tones after each other, 1s/3s unless it says otherwise
  zvei1:12345@-10               selective calling: one tone a digit, or the repeat tone if it equals the one
                                before; any family of `streamer bands`; LENGTH if not the family's own; - parts
                                digits that would be read as one: r1:KP1234ST, r2-forward:1-10, selcal:AB-CD
  cadence:480+620/500,0/500x3   Asterisk's shorthand: HZ/MS, + for both, * for modulated by, 0 for silence,
                                ! for the first time only; x3 is thrice
  morse:CQ DE K5@-20:20wpm      keyed letters, at 700 Hz unless pitch=600 says otherwise, 20 words a minute
  fsk:ZCZC-EAS-RWT-000000+0015-0010000-STREAMER-  bits of two tones, lowest first, behind a preamble: a SAME header,
                                thrice with 1 s between; mark=1200 space=2200 baud=1200 preamble=7Ex8 for others
  plan:call-progress-us/us-busy  what an entry of a tone plan asks for; LENGTH if not as long as a listener needs
  sweep:100-4000:5s             a glide; with :log as many octaves in every second
  silence:1s                    nothing
  noise:-40                     white and Gaussian, as strong as a sine of that level
  hum:50@-40                    mains: the frequency and its multiples up to the sixth, each at 1/multiple

Parts that sound also take offset=1.5% (frequencies higher by that much), ramp=5ms (raised cosines inside both
ends of every tone, which otherwise begins and ends at once) and channel=2 (of that channel only).
The whole is played again and again with loop, thrice with loop:3; alaw or ulaw sends it through a telephone's
codec; seed:7 gives other noise. The word demo alone is what --demo plays.
"""

MAX_SEED = 2**63 - 1

# A receiver is lifted, digits are dialled, it rings, the line is engaged; a pager is called; the mains hum along.
DEMO = ",".join(
    (
        "noise:-62",
        "hum:50@-50",
        "silence:1s",
        "tone:350+440@-24:2.5s",
        "silence:200ms",
        "dtmf:5550123@-16:90ms/90ms",
        "silence:740ms",
        "cadence:440+480/2000,0/3000x2@-24",
        "silence:300ms",
        "cadence:480+620/500,0/500x4@-24",
        "silence:1s",
        "two-tone:349.0/433.7@-14",
        "silence:1s",
        "sweep:200-3400@-30:3s:log:ramp=50ms",
        "silence:1s",
        "loop",
    )
)

_NEXT_PART = re.compile(r"\s*,\s*(?=[A-Za-z])")  # a cadence has commas too, but then a digit or ! follows
_WITH_PART = re.compile(r"\s*\+\s*(?=[A-Za-z])")


def parse_signal(text: str, *, fs_hz: float = 48000.0, seed: int = 0) -> Signal:
    """The signal a specification means, see GRAMMAR; a seed in it wins."""
    if text.strip() == "demo":
        text = DEMO
    if not 0 <= seed <= MAX_SEED:
        raise SpecError(f"seed is {seed}; it must lie in 0..{MAX_SEED}")
    sounds: list[Sound] = []
    rounds: int | None = 1
    law: str | None = None
    at_s = 0.0
    for group in _NEXT_PART.split(text.strip()):
        longest_s = 0.0
        for part_text in _WITH_PART.split(group):
            part = _read_part(part_text, fs_hz)
            if part.sounds:
                made = make(part)
                sounds += _place(part, made, at_s=at_s, number=len(sounds))
                longest_s = max(longest_s, made.duration_s or 0.0)
            elif part.kind == "loop":
                rounds = part.whole_number("loop", part.value, most=10**6) if part.value else None
            elif part.kind == "seed":
                seed = part.whole_number("seed", part.value, least=0, most=MAX_SEED)
            else:
                law = part.kind
        at_s += longest_s
        if at_s > MAX_SIGNAL_S:
            raise SpecError(f"signal {shorten(text)} is longer than a year")
    if not sounds and not at_s:
        sounding = ", ".join(list_kinds([*MAKERS, "plan"], behind="cadence"))
        raise SpecError(f"signal {shorten(text)} has nothing that sounds; there are: {sounding}")
    return Signal(
        fs_hz=fs_hz,
        sounds=tuple(sounds),
        round_samples=round(at_s * fs_hz),
        rounds=rounds,
        channels=1 + max((sound.channel or 0 for sound in sounds), default=0),
        seed=seed,
        law=law,
    )


def _read_part(text: str, fs_hz: float) -> Part:
    kind, *fields = (field.strip() for field in text.strip().split(":"))
    if kind not in USAGE and not find_family(kind):
        choose(kind, list_kinds(), name=f"signal part {shorten(text)}: kind")
    options: dict[str, str] = {}
    plain: list[str] = []
    for field in fields[1:]:
        key, equals, value = field.partition("=")
        if equals:
            options[key] = value
        else:
            plain.append(field)
    value, at, level = (fields[0] if fields else "").partition("@")
    part = Part(
        text=text.strip(),
        kind=kind,
        value=value.strip(),
        level=level.strip() if at else None,
        fields=plain,
        options=options,
        fs_hz=fs_hz,
    )
    if not part.value and part.sounds:
        raise part.refuse("it lacks a value")
    is_word = kind in LAWS
    if not part.sounds and (plain or options or at or (part.value and is_word)):
        raise part.refuse("that is more than it takes")
    if at and kind in ("noise", "silence"):
        raise part.refuse(f"{kind} takes no @LEVEL")
    return part


def _place(part: Part, made: Made, *, at_s: float, number: int) -> list[Sound]:
    """The part's strokes at their samples; every edge is rounded by itself, so that none drifts."""
    ramp_s, channel = part.ramp_s(), part.channel()
    sounds = []
    for i, stroke in enumerate(made.strokes):
        begin = round((at_s + stroke.start_s) * part.fs_hz)
        voice = replace(stroke.voice, number=number + i) if isinstance(stroke.voice, Noise) else stroke.voice
        n_samples = None
        if stroke.duration_s is not None:
            n_samples = round((at_s + stroke.start_s + stroke.duration_s) * part.fs_hz) - begin
        sounds.append(
            Sound(
                label=stroke.label,
                voice=voice,
                start_sample=begin if n_samples is not None else 0,
                n_samples=n_samples,
                ramp_samples=round(ramp_s * part.fs_hz),
                channel=channel,
            )
        )
    return sounds

"""Band levels to the outputs that want them, each run of frames in the scene of what it was measured by."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

from streamer.analysis.bank import Analysis, Batch, ChannelLevels
from streamer.base.reading import Reading
from streamer.events import GapRecord
from streamer.live.section import Section
from streamer.outputs.levels import LevelFrames, LevelOutput, LevelScene
from streamer.outputs.output import Output


class LevelFeed:
    """What a section measures, to whoever is open when it comes."""

    def __init__(self) -> None:
        self._scene: LevelScene | None = None
        self._told: list[Output] = []  # what the scene is
        self._begun_s = 0.0  # when the section did, for samples that have no wall time
        self._damages: list[range] = []  # samples for which silence stands, and that may be in frames to come

    def note_damage(self, gap: GapRecord) -> None:
        self._damages.append(range(gap.sample, gap.sample + gap.lost_samples))

    def add(
        self, batch: Batch, section: Section, *, run: str, reading: Reading, outputs: Sequence[Output]
    ) -> None:
        takers = [output for output in outputs if isinstance(output, LevelOutput)]
        levels = batch.levels[0]
        begin = levels.first_frame * levels.analysis.frames.hop_samples
        self._damages = [damage for damage in self._damages if damage.stop > begin]
        if not takers or not levels.n_frames:
            return
        scene = self._find_scene(batch, section, run=run, reading=reading)
        stop_s = section.clock.at_s(batch.stop_sample)
        unix_0_s = self._begun_s if stop_s is None else stop_s - batch.stop_sample / section.info.fs_hz
        for part in self._leave_out_damage(levels):
            frames = LevelFrames(levels=part, stop_sample=batch.stop_sample, unix_0_s=unix_0_s)
            for output in takers:
                if output not in self._told:
                    output.put_scene(scene)
                    self._told.append(output)
                output.put_levels(frames)

    def _leave_out_damage(self, levels: ChannelLevels) -> Iterator[ChannelLevels]:
        """Without the frames that hold a sample of it."""
        at, end = levels.first_frame, levels.first_frame + levels.n_frames
        if not self._damages:
            yield levels
            return
        for damage in self._damages:
            lost = levels.analysis.frames.frames_that_hold(damage.start, damage.stop)
            if min(lost.start, end) > at:
                yield levels.cut(at, min(lost.start, end)).copy()
            at = max(at, lost.stop)
        if at < end:
            yield levels.cut(at, end).copy()

    def _find_scene(self, batch: Batch, section: Section, *, run: str, reading: Reading) -> LevelScene:
        """That of what the batch was measured by: the section may have gone on to another."""
        display, before = batch.levels[0].analysis, self._scene
        if before is not None and before.run == run and before.analysis is display:
            return before
        if before is None or before.run != run:
            self._begun_s = time.time() - batch.start_sample / section.info.fs_hz
        self._scene = LevelScene(
            run=run,
            source=section.info.name,
            analysis=display,
            channels=section.info.channels,
            first_sample=batch.start_sample,
            is_dated=section.clock.at_s(batch.stop_sample) is not None,
            reading=reading,
            spl_db=_find_spl_db(reading, display, section.info.channels),
        )
        self._told = []
        return self._scene


def _find_spl_db(reading: Reading, display: Analysis, channels: int) -> list[list[float]] | None:
    """(channels, bands) from dBFS to dB SPL, whatever levels are told in; None where nobody has calibrated."""
    if not reading.sensitivities:
        return None
    pressure = Reading(unit="dbspl", sensitivities=reading.sensitivities)
    return [list(pressure.offsets_db(display.bank.freqs_hz, channel)) for channel in range(1, channels + 1)]

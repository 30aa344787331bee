"""Screens as pictures, to be looked at: `python -m tests.dashboard.pictures OUT 80x24 thirds:ringing ...`.

Options before them: --depth truecolor|256|16|mono, --light, --ascii. Without sizes and scenes, all of them.
"""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from streamer.dashboard.canvas import Screen
from streamer.dashboard.palette import Depth, Look, make_styles
from streamer.dashboard.screen import render
from tests.dashboard.scenes import SCENES, STORIES

SIZES = ("40x8", "60x15", "80x24", "120x40", "200x60", "300x80")
CELL = (8, 16)
BASIC = [
    (0, 0, 0),
    (205, 49, 49),
    (13, 188, 121),
    (229, 229, 16),
    (36, 114, 200),
    (188, 63, 188),
    (17, 168, 205),
]
BASIC += [(229, 229, 229)]
FONT = "DejaVuSansMono.ttf", "DejaVuSansMono-Bold.ttf"


def find_colours(sgr: str, look: Look) -> tuple[tuple[int, int, int], tuple[int, int, int], bool]:
    """Foreground, background and whether it is bold, of one of a palette's sequences."""
    fore, back = ((40, 40, 40), (255, 255, 255)) if look.is_light else ((204, 204, 204), (12, 12, 12))
    codes = [int(code) for code in re.findall(r"\d+", sgr)]
    bold = dim = reverse = False
    i = 0
    while i < len(codes):
        code = codes[i]
        if code in {38, 48}:
            rgb = tuple(codes[i + 2 : i + 5]) if codes[i + 1] == 2 else of_256(codes[i + 2])
            fore, back = (rgb, back) if code == 38 else (fore, rgb)
            i += 4 if codes[i + 1] == 2 else 2
        elif 30 <= code <= 37:
            fore = BASIC[code - 30]
        bold, dim, reverse = bold or code == 1, dim or code == 2, reverse or code == 7
        i += 1
    if dim:
        fore = tuple((a + b) // 2 for a, b in zip(fore, back, strict=True))
    return (back, fore, bold) if reverse else (fore, back, bold)


def of_256(code: int) -> tuple[int, int, int]:
    if code >= 232:
        return (8 + 10 * (code - 232),) * 3
    steps = (0, 95, 135, 175, 215, 255)
    return steps[(code - 16) // 36], steps[(code - 16) // 6 % 6], steps[(code - 16) % 6]


def make_picture(screen: Screen) -> Image.Image:
    width, height = CELL
    look, canvas = screen.look, screen.canvas
    ground = (255, 255, 255) if look.is_light else (12, 12, 12)
    image = Image.new("RGB", (screen.width * width, screen.height * height), ground)
    draw = ImageDraw.Draw(image)
    fonts = [ImageFont.truetype(name, 13) for name in FONT]
    styles = make_styles(look)
    lines = screen.plain_lines()
    for y, line in enumerate(lines):
        for x, character in enumerate(line[: screen.width]):
            fore, back, bold = find_colours(styles[canvas.styles[y, x]], look)
            box = (x * width, y * height, (x + 1) * width - 1, (y + 1) * height - 1)
            if back != ground:
                draw.rectangle(box, fill=back)
            if not draw_block(draw, character, box, fore) and character != " ":
                draw.text((box[0], box[1] - 1), character, font=fonts[bold], fill=fore)
    return image


def draw_block(
    draw: ImageDraw.ImageDraw, character: str, box: tuple[int, ...], fore: tuple[int, ...]
) -> bool:
    """Block glyphs fill their cells exactly, as terminals draw them."""
    left, top, right, bottom = box
    width, height = right - left + 1, bottom - top + 1
    if "▁" <= character <= "█":
        part = ord(character) - ord("▁") + 1
        draw.rectangle((left, bottom + 1 - height * part // 8, right, bottom), fill=fore)
    elif "▉" <= character <= "▏":
        part = 8 - (ord(character) - ord("█"))
        draw.rectangle((left, top, left + width * part // 8 - 1, bottom), fill=fore)
    elif character in "▐▀":
        draw.rectangle(
            (left + width // 2, top, right, bottom)
            if character == "▐"
            else (left, top, right, top + height // 2 - 1),
            fill=fore,
        )
    else:
        return False
    return True


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("what", nargs="*")
    parser.add_argument("--depth", default="truecolor")
    parser.add_argument("--light", action="store_true")
    parser.add_argument("--ascii", action="store_true")
    options = parser.parse_args()
    look = Look(Depth(options.depth), not options.ascii, options.light)
    sizes = [word for word in options.what if re.fullmatch(r"\d+x\d+", word)] or SIZES
    scenes = [word for word in options.what if ":" in word]
    scenes = scenes or [f"{scene}:{story}" for scene in SCENES for story in STORIES]
    options.out.mkdir(exist_ok=True)
    for name in scenes:
        scene, story = name.split(":")
        state = STORIES[story](SCENES[scene]()).state
        for size in sizes:
            columns, rows = map(int, size.split("x"))
            drawn = render(state, columns, rows, look)
            make_picture(drawn.screen).save(options.out / f"{scene}-{story}-{size}.png")


if __name__ == "__main__":
    main()

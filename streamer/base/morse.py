"""Letters and their marks, . a dit and - a dah."""

from __future__ import annotations

# ITU-R M.1677-1, and what is sent besides by habit
_WRITTEN = (
    "A.- B-... C-.-. D-.. E. F..-. G--. H.... I.. J.--- K-.- L.-.. M-- N-. O--- P.--. Q--.- R.-. S... T- U..- V...- "
    "W.-- X-..- Y-.-- Z--.. 1.---- 2..--- 3...-- 4....- 5..... 6-.... 7--... 8---.. 9----. 0----- /-..-. =-...- "
    "?..--.. +.-.-. @.--.-. (-.--. )-.--.- '.----. ,--..-- :---... É..-.."
)
LETTERS = {word[1:]: word[0] for word in _WRITTEN.split()} | {".-.-.-": ".", "-....-": "-"}
CODES = {letter: code for code, letter in LETTERS.items()}

DIT_S = 1.2  # at one word a minute: PARIS and the space behind it are 50 dits long

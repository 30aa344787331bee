"""Frequencies of the tone families in use, in hertz, with their sources. Data only."""

from __future__ import annotations

# ITU-T Q.23
DTMF_LOW_HZ = (697.0, 770.0, 852.0, 941.0)
DTMF_HIGH_HZ = (1209.0, 1336.0, 1477.0, 1633.0)

# Bell MF, ITU-T Q.320: two of six
R1_HZ = (700.0, 900.0, 1100.0, 1300.0, 1500.0, 1700.0)

# ITU-T Q.441: two of six each way
R2_FORWARD_HZ = (1380.0, 1500.0, 1620.0, 1740.0, 1860.0, 1980.0)
R2_BACKWARD_HZ = (540.0, 660.0, 780.0, 900.0, 1020.0, 1140.0)

# ITU-T E.180: special information tone
SIT_HZ = (950.0, 1400.0, 1800.0)

# TIA-603 and the tones that radios added since: the 50 in use
CTCSS_HZ = (
    *(67.0, 69.3, 71.9, 74.4, 77.0, 79.7, 82.5, 85.4, 88.5, 91.5),
    *(94.8, 97.4, 100.0, 103.5, 107.2, 110.9, 114.8, 118.8, 123.0, 127.3),
    *(131.8, 136.5, 141.3, 146.2, 151.4, 156.7, 159.8, 162.2, 165.5, 167.9),
    *(171.3, 173.8, 177.3, 179.9, 183.5, 186.2, 189.9, 192.8, 196.6, 199.5),
    *(203.5, 206.5, 210.7, 218.1, 225.7, 229.1, 233.6, 241.8, 250.3, 254.1),
)

# Motorola Quick Call II reeds by group, as SvxLink's SelCall.tcl has them; checked with Genave's examples
QCII_HZ = {
    "1": (330.5, 349.0, 368.5, 389.0, 410.8, 433.7, 457.9, 483.5, 510.5, 539.0),
    "2": (569.1, 600.9, 634.5, 669.9, 707.3, 746.8, 788.5, 832.5, 879.0, 928.1),
    "3": (1092.4, 288.5, 296.5, 304.7, 313.0, 953.7, 979.9, 1006.9, 1034.7, 1063.2),
    "4": (321.7, 339.6, 358.6, 378.6, 399.8, 422.1, 445.7, 470.5, 496.8, 524.6),
    "5": (553.9, 584.8, 617.4, 651.9, 688.3, 726.8, 767.4, 810.2, 855.5, 903.2),
    "6": (1122.5, 1153.4, 1185.2, 1217.8, 1251.4, 1285.8, 1321.2, 1357.6, 1395.0, 1433.4),
    # these two count 1 to 9 and then 0
    "A": (1881.0, 1472.9, 1513.5, 1555.2, 1598.0, 1642.0, 1687.2, 1733.7, 1781.5, 1830.5),
    "B": (2468.2, 1930.2, 1989.0, 2043.8, 2094.5, 2155.6, 2212.2, 2271.7, 2334.6, 2401.0),
}

# Selective calling, one tone a digit, in the order 0..9 A..F; None is a digit the family has no tone for. E
# is the repeat tone, sent for a digit equal to the one before. From multimon-ng (demod_*.c) and SvxLink
# (SwSel5Decoder.cpp, SelCall.tcl), which agree except where said. Left out: PCCIR, whose A and F would be 0.5 %
# apart, and CCITT, for which sources give different tones.
SELCALL_DIGITS = "0123456789ABCDEF"
_ZVEI_DIGITS_HZ = (2400, 1060, 1160, 1270, 1400, 1530, 1670, 1830, 2000, 2200)
_DZVEI_DIGITS_HZ = (2200, 970, 1060, 1160, 1270, 1400, 1530, 1670, 1830, 2000)
_CCIR_DIGITS_HZ = (1981, 1124, 1197, 1275, 1358, 1446, 1540, 1640, 1747, 1860)
SELCALL_HZ: dict[str, tuple[float | None, ...]] = {
    "zvei1": (*_ZVEI_DIGITS_HZ, 2800, 810, 970, 885, 2600, 680),
    "zvei2": (*_ZVEI_DIGITS_HZ, 885, 825, 740, 680, 970, 2600),
    "zvei3": (
        *_ZVEI_DIGITS_HZ,
        885,
        810,
        2800,
        680,
        970,
        2600,
    ),  # as in multimon-ng
    "pzvei": (*_ZVEI_DIGITS_HZ, 970, 810, 2800, 885, 2600, 680),  # multimon-ng's E equals its 0, a slip
    "dzvei": (*_DZVEI_DIGITS_HZ, 825, 740, 2600, 885, 2400, 680),
    "pdzvei": (*_DZVEI_DIGITS_HZ, 825, 886, 2600, 856, 2400, None),
    "eea": (*_CCIR_DIGITS_HZ, 1055, 930, 2400, 991, 2110, 2247),
    "ccir": (*_CCIR_DIGITS_HZ, 2400, 930, 2247, 991, 2110, 1055),
    "eia": (600, 741, 882, 1023, 1164, 1305, 1446, 1587, 1728, 1869, 2151, 2433, 2010, 2292, 459, 1091),
    "vdew": (2280, 370, 450, 550, 675, 825, 1010, 1240, 1520, 1860, 2000, 2100, 2200, 2300, 2400, None),
    "natel": (1633, 631, 697, 770, 852, 941, 1040, 1209, 1336, 1477, 1995, 571, 2205, 2437, 1805, 2694),
    # SvxLink's sender; its decoder differs in four entries
    "euro": (
        *(979.8, 903.1, 832.5, 767.4, 707.4, 652.0, 601.0, 554.0, 510.7, 470.8),
        *(433.9, 400.0, 368.7, 1153.1, 1062.9, 339.9),
    ),
    "modat": (
        *(637.5, 787.5, 937.5, 1087.5, 1237.5, 1387.5, 1537.5, 1687.5, 1837.5, 1987.5),
        *(None, None, None, None, 487.5, None),
    ),
    "autoa": (1962, 764, 848, 942, 1047, 1163, 1292, 1436, 1595, 1770, None, 2430, None, None, 2188, None),
}

# How long a sender holds each digit, same sources
SELCALL_DIGIT_MS = {
    **dict.fromkeys(("zvei1", "zvei2", "zvei3", "pzvei", "dzvei", "pdzvei", "natel", "autoa"), 70.0),
    **dict.fromkeys(("ccir", "vdew", "euro"), 100.0),
    **dict.fromkeys(("eea", "modat"), 40.0),
    "eia": 33.0,
}

# Centres of the 24 critical bands: Zwicker, JASA 33 (1961) 248
BARK_HZ = (
    *(50.0, 150.0, 250.0, 350.0, 450.0, 570.0, 700.0, 840.0, 1000.0, 1170.0, 1370.0, 1600.0),
    *(1850.0, 2150.0, 2500.0, 2900.0, 3400.0, 4000.0, 4800.0, 5800.0, 7000.0, 8500.0, 10500.0, 13500.0),
)

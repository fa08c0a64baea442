"""Meanings of a unit, currency or per cent sign after or before a number.

A word may have several meanings ("pounds" are money or a weight): two words agree if they share a meaning. Values are
never converted: 50 mm does not equal 5 cm. Case distinguishes units if both spellings are units: MW is not mW, but KG,
which is no unit itself, is kg.
"""

from __future__ import annotations

PERCENT = "%"
ORDINAL = "th"

_CURRENCIES = {
    "USD": "$ US$ USD$ dollar dollars bucks",
    "EUR": "€ euro euros",
    "GBP": "£ pound pounds sterling quid",
    "JPY": "¥ yen",
    "CNY": "¥ RMB yuan renminbi",
    "MYR": "RM ringgit",
    "INR": "₹ Rs rupee rupees",
    "KRW": "₩ won",
    "CHF": "Fr franken francs",
    "SEK": "kr kronor",
    "NOK": "kr kroner",
    "DKK": "kr kroner",
    "AUD": "A$ AU$",
    "CAD": "C$ CA$",
    "NZD": "NZ$",
    "SGD": "S$",
    "HKD": "HK$",
    "TWD": "NT$",
    "BRL": "R$ reais",
    "THB": "฿ baht",
    "IDR": "Rp rupiah",
    "PHP": "₱ pesos",
    "MXN": "MX$ pesos",
    "VND": "₫ dong",
    "RUB": "₽ rubles roubles",
    "TRL": "₺ lira",
    "PLN": "zł zloty",
    "ZAR": "rand",
    "AED": "dirham dirhams",
    "ILS": "₪ shekels",
    "cent": "¢ cents pence",
}
_MEASURES = {
    "mm": "millimetre millimetres millimeter millimeters",
    "cm": "centimetre centimetres centimeter centimeters",
    "m": "metre metres meter meters",
    "km": "kilometre kilometres kilometer kilometers",
    "inch": "in inches",
    "ft": "foot feet",
    "yd": "yard yards",
    "mi": "mile miles",
    "nm": "nanometre nanometres nanometer nanometers",
    "µm": "μm um micrometre micrometres micrometer micrometers micron microns",
    "m²": "m2 m^2 sqm square_metres square_meters",
    "cm²": "cm2 cm^2 square_centimetres square_centimeters",
    "mm²": "mm2 mm^2",
    "km²": "km2 km^2 square_kilometres square_kilometers",
    "ft²": "ft2 ft^2 sq_ft sqft square_feet",
    "m³": "m3 m^3 cubic_metres cubic_meters",
    "cm³": "cm3 cm^3 cc cubic_centimetres cubic_centimeters",
    "ha": "hectare hectares",
    "acre": "acres",
    "mg": "milligram milligrams",
    "g": "gram grams gramme grammes",
    "kg": "kgs kilo kilos kilogram kilograms kilogramme kilogrammes",
    "t": "tonne tonnes",
    "Mg": "megagram megagrams",
    "ton": "tons",
    "lb": "lbs pound pounds",
    "oz": "ounce ounces",
    "ml": "millilitre millilitres milliliter milliliters",
    "cl": "centilitre centilitres centiliter centiliters",
    "l": "L litre litres liter liters",
    "gal": "gallon gallons",
    "cup": "cups",
    "ms": "msec millisecond milliseconds",
    "mS": "millisiemens",
    "s": "sec secs second seconds",
    "min": "mins minute minutes",
    "h": "hr hrs hour hours",
    "day": "days",
    "week": "weeks wk wks",
    "month": "months",
    "year": "years yr yrs",
    "km/h": "kmh kph km_per_hour kilometres_per_hour kilometers_per_hour",
    "m/s": "metres_per_second meters_per_second",
    "mph": "miles_per_hour",
    "°C": "degc celsius degrees_celsius",
    "°F": "degf fahrenheit degrees_fahrenheit",
    "kelvin": "kelvins",
    "°": "deg degree degrees",
    "kcal": "Cal kilocalorie kilocalories",
    "cal": "calorie calories",
    "J": "joule joules",
    "mJ": "millijoule millijoules",
    "kJ": "kilojoule kilojoules",
    "MJ": "megajoule megajoules",
    "eV": "electronvolt electronvolts",
    "meV": "millielectronvolts",
    "keV": "kiloelectronvolts",
    "MeV": "megaelectronvolts",
    "Pa": "pascal pascals",
    "mPa": "millipascal millipascals",
    "kPa": "kilopascal kilopascals",
    "MPa": "megapascal megapascals",
    "N": "newton newtons",
    "kN": "kilonewton kilonewtons",
    "kn": "knot knots",
    "Nm": "N·m newton_metres newton_meters",
    "mM": "millimolar",
    "nM": "nanomolar",
    "A": "ampere amperes amps",
    "pA": "picoampere picoamperes",
    "V": "volt volts",
    "mV": "millivolt millivolts",
    "kV": "kilovolt kilovolts",
    "MV": "megavolt megavolts",
    "W": "watt watts",
    "mW": "milliwatt milliwatts",
    "kW": "kilowatt kilowatts",
    "MW": "megawatt megawatts",
    "kWh": "kilowatt_hours kilowatt-hours",
    "Hz": "hertz",
    "kHz": "kilohertz",
    "MHz": "megahertz",
    "GHz": "gigahertz",
    "Ω": "ohm ohms",
    "mΩ": "milliohm milliohms",
    "kΩ": "kiloohm kiloohms kilohm kilohms",
    "MΩ": "megaohm megaohms megohm megohms",
    "kB": "KB kilobyte kilobytes",
    "MB": "megabyte megabytes",
    "GB": "gigabyte gigabytes",
    "TB": "terabyte terabytes",
    "kbit": "kb Kb kilobit kilobits",
    "Mb": "mbit megabit megabits",
    "Gb": "gbit gigabit gigabits",
    "Tb": "tbit terabit terabits",
    "kbit/s": "kbps Kbps kb/s Kb/s kilobits_per_second",
    "Mbit/s": "Mbps Mb/s megabits_per_second",
    "Gbit/s": "Gbps Gb/s gigabits_per_second",
    "kB/s": "KB/s kBps KBps kilobytes_per_second",
    "MB/s": "MBps megabytes_per_second",
    "GB/s": "GBps gigabytes_per_second",
    "dB": "decibel decibels",
    "px": "pixel pixels",
    "fps": "frames_per_second",
    PERCENT: "percent per_cent pct",
    ORDINAL: "st nd rd",
}
SCALES = {
    "dozen": 12,
    "hundred": 100,
    "thousand": 10**3,
    "million": 10**6,
    "mn": 10**6,
    "billion": 10**9,
    "bn": 10**9,
    "trillion": 10**12,
}
MONEY_SCALES = {"k": 10**3, "m": 10**6, "b": 10**9, **SCALES}  # "$5M"; "5M" alone may be a size
MOST_WORDS = 3  # of a unit


def _meanings(table: dict[str, str]) -> dict[str, frozenset[str]]:
    """Meanings by exact spelling."""
    found: dict[str, set[str]] = {}
    for meaning, words in table.items():
        for word in (meaning, *words.split()):
            found.setdefault(word.replace("_", " "), set()).add(meaning)
    return {word: frozenset(meanings) for word, meanings in found.items()}


def _without_case(spelled: dict[str, frozenset[str]]) -> dict[str, frozenset[str]]:
    """All possible meanings by case-folded spelling."""
    folded: dict[str, frozenset[str]] = {}
    for word, meanings in spelled.items():
        if len(word) > 1:  # 5K are no kelvins and 5M no metres
            folded[word.casefold()] = folded.get(word.casefold(), frozenset[str]()) | meanings
    return folded


_CURRENCY_OF = _without_case(_meanings(_CURRENCIES)) | _meanings(_CURRENCIES)
_MEASURE_BY_LETTERS = _without_case(_meanings(_MEASURES))
_MEASURE_OF = _MEASURE_BY_LETTERS | _meanings(_MEASURES)
_TOLD_APART_BY_CASE = [meanings for meanings in _MEASURE_BY_LETTERS.values() if len(meanings) > 1]


def currency(word: str) -> frozenset[str]:
    """Meanings of a currency's sign, code or name; empty if it is none."""
    return _of(_CURRENCY_OF, word)


def unit(word: str) -> frozenset[str]:
    """Meanings of a unit, currency or per cent sign, with single spaces between words; empty if it is none."""
    return _of(_MEASURE_OF, word) | _of(_CURRENCY_OF, word)


def differ_by_case(one: frozenset[str], other: frozenset[str]) -> bool:
    """Whether two sets of meanings belong to one spelling in different case, such as mW and MW, and share none."""
    return not one & other and any(one & units and other & units for units in _TOLD_APART_BY_CASE)


def is_money(meanings: frozenset[str]) -> bool:
    return bool(meanings & _CURRENCIES.keys())


def _of(table: dict[str, frozenset[str]], word: str) -> frozenset[str]:
    return table.get(word) or table.get(word.casefold() if len(word) > 1 else word) or frozenset()

"""Font families by the packages that contain them: Debian's, and those of the extra `train` from PyPI.

Licences are in docs/fonts.md. Families held out of training are held out of both.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

FaceStyle = Literal["serif", "sans", "mono"]

FONTS_FOLDER = Path("/usr/share/fonts")


@dataclass(frozen=True)
class FontFamily:
    """A family, the package that contains it, and the pattern of its files below `FONTS_FOLDER`."""

    package: str
    name: str
    pattern: str
    style: FaceStyle

    def files(self) -> list[Path]:
        """In a fixed order; none if the package is not installed."""
        return sorted(FONTS_FOLDER.glob(self.pattern))


@dataclass(frozen=True)
class PackagedFamily:
    """A family in a PyPI distribution, and the pattern of its files below the distribution's module."""

    package: str
    name: str
    style: FaceStyle
    pattern: str = "files/*.[ot]tf"

    def files(self) -> list[Path]:
        """As for a `FontFamily`."""
        module = find_spec(self.package.replace("-", "_"))
        folders = [] if module is None else module.submodule_search_locations or []
        return sorted(path for folder in folders for path in Path(folder).glob(self.pattern))


SYSTEM_TRAINING = (
    FontFamily("fonts-dejavu-extra", "DejaVu Sans", "truetype/dejavu/DejaVuSans[-C.]*.ttf", "sans"),
    FontFamily("fonts-dejavu-extra", "DejaVu Serif", "truetype/dejavu/DejaVuSerif*.ttf", "serif"),
    FontFamily("fonts-dejavu-core", "DejaVu Sans Mono", "truetype/dejavu/DejaVuSansMono*.ttf", "mono"),
    FontFamily("fonts-liberation2", "Liberation Sans", "truetype/liberation2/LiberationSans-*.ttf", "sans"),
    FontFamily("fonts-liberation2", "Liberation Serif", "truetype/liberation2/LiberationSerif-*.ttf", "serif"),
    FontFamily("fonts-liberation2", "Liberation Mono", "truetype/liberation2/LiberationMono-*.ttf", "mono"),
    FontFamily("fonts-croscore", "Arimo", "truetype/croscore/Arimo-*.ttf", "sans"),
    FontFamily("fonts-croscore", "Tinos", "truetype/croscore/Tinos-*.ttf", "serif"),
    FontFamily("fonts-croscore", "Cousine", "truetype/croscore/Cousine-*.ttf", "mono"),
    FontFamily("fonts-crosextra-carlito", "Carlito", "truetype/crosextra/Carlito-*.ttf", "sans"),
    FontFamily("fonts-crosextra-caladea", "Caladea", "truetype/crosextra/Caladea-*.ttf", "serif"),
    FontFamily("fonts-open-sans", "Open Sans", "truetype/open-sans/OpenSans-*.ttf", "sans"),
    FontFamily("fonts-roboto-unhinted", "Roboto", "truetype/roboto/unhinted/RobotoTTF/Roboto-*.ttf", "sans"),
    FontFamily("fonts-roboto-unhinted", "Roboto Condensed", "truetype/roboto/unhinted/RobotoCondensed-*.ttf", "sans"),
    FontFamily("fonts-lato", "Lato", "truetype/lato/Lato-*.ttf", "sans"),
    FontFamily("fonts-freefont-ttf", "FreeSans", "truetype/freefont/FreeSans*.ttf", "sans"),
    FontFamily("fonts-freefont-ttf", "FreeSerif", "truetype/freefont/FreeSerif*.ttf", "serif"),
    FontFamily("fonts-freefont-ttf", "FreeMono", "truetype/freefont/FreeMono*.ttf", "mono"),
    FontFamily("fonts-cmu", "CMU Serif", "truetype/cmu/cmun[rbts][mxil].ttf", "serif"),
    FontFamily("fonts-cmu", "CMU Sans", "truetype/cmu/cmuns[sxio].ttf", "sans"),
    FontFamily("fonts-cmu", "CMU Bright", "truetype/cmu/cmunb[ms][ro].ttf", "sans"),
    FontFamily("fonts-cmu", "CMU Typewriter", "truetype/cmu/cmun[ti]t.ttf", "mono"),
    FontFamily("fonts-cmu", "CMU Typewriter", "truetype/cmu/cmunt[bx].ttf", "mono"),
    FontFamily("fonts-cmu", "CMU Concrete", "truetype/cmu/cmuno*.ttf", "serif"),
    FontFamily("fonts-quicksand", "Quicksand", "truetype/quicksand/Quicksand-*.ttf", "sans"),
    FontFamily("fonts-firacode", "Fira Code", "truetype/firacode/FiraCode-*.ttf", "mono"),
    FontFamily("fonts-mononoki", "Mononoki", "truetype/mononoki/mononoki-*.ttf", "mono"),
)

SYSTEM_UNSEEN = (
    FontFamily("fonts-vollkorn", "Vollkorn", "truetype/vollkorn/Vollkorn-*.ttf", "serif"),
    FontFamily("fonts-courier-prime", "Courier Prime", "opentype/courier-prime/Courier Prime*.otf", "mono"),
    FontFamily("fonts-karla", "Karla", "truetype/karla/Karla-*.otf", "sans"),
    FontFamily("fonts-cabin", "Cabin", "opentype/cabin/Cabin-*.otf", "sans"),
)

PACKAGED_TRAINING = (
    PackagedFamily("matplotlib", "DejaVu Sans", "sans", "mpl-data/fonts/ttf/DejaVuSans[-.]*"),
    PackagedFamily("matplotlib", "DejaVu Serif", "serif", "mpl-data/fonts/ttf/DejaVuSerif[-.]*"),
    PackagedFamily("matplotlib", "DejaVu Sans Mono", "mono", "mpl-data/fonts/ttf/DejaVuSansMono*.ttf"),
    PackagedFamily("matplotlib", "STIX", "serif", "mpl-data/fonts/ttf/STIXGeneral*.ttf"),
    PackagedFamily("font-caladea", "Caladea", "serif"),
    PackagedFamily("font-fredoka-one", "Fredoka One", "sans"),
    PackagedFamily("font-hanken-grotesk", "Hanken Grotesk", "sans"),
    PackagedFamily("font-lato", "Lato", "sans"),
    PackagedFamily("font-manrope", "Manrope", "sans", "files/Manrope-[!V]*.ttf"),
    PackagedFamily("font-source-sans-pro", "Source Sans Pro", "sans", "files/*.ttf"),
    PackagedFamily("font-source-serif-pro", "Source Serif Pro", "serif", "files/*.ttf"),
    PackagedFamily("fontpkg-bitter", "Bitter", "serif"),
    PackagedFamily("fontpkg-crimson-text", "Crimson Text", "serif"),
    PackagedFamily("fontpkg-domine", "Domine", "serif"),
    PackagedFamily("fontpkg-libre-baskerville", "Libre Baskerville", "serif"),
    PackagedFamily("fontpkg-lora", "Lora", "serif"),
    PackagedFamily("fontpkg-playfair-display", "Playfair Display", "serif"),
    PackagedFamily("fontpkg-pt-serif", "PT Serif", "serif"),
    PackagedFamily("fontpkg-roboto-slab", "Roboto Slab", "serif"),
    PackagedFamily("fontpkg-zilla-slab", "Zilla Slab", "serif"),
    PackagedFamily("fontpkg-archivo-narrow", "Archivo Narrow", "sans"),
    PackagedFamily("fontpkg-arimo", "Arimo", "sans"),
    PackagedFamily("fontpkg-atkinson-hyperlegible", "Atkinson Hyperlegible", "sans"),
    PackagedFamily("fontpkg-barlow", "Barlow", "sans"),
    PackagedFamily("fontpkg-dosis", "Dosis", "sans"),
    PackagedFamily("fontpkg-exo-2", "Exo 2", "sans"),
    PackagedFamily("fontpkg-kalam", "Kalam", "sans"),
    PackagedFamily("fontpkg-montserrat", "Montserrat", "sans"),
    PackagedFamily("fontpkg-nunito", "Nunito", "sans"),
    PackagedFamily("fontpkg-oswald", "Oswald", "sans"),
    PackagedFamily("fontpkg-poppins", "Poppins", "sans"),
    PackagedFamily("fontpkg-pt-sans", "PT Sans", "sans"),
    PackagedFamily("fontpkg-roboto", "Roboto", "sans"),
    PackagedFamily("fontpkg-rubik", "Rubik", "sans"),
    PackagedFamily("fontpkg-titillium-web", "Titillium Web", "sans"),
    PackagedFamily("fontpkg-work-sans", "Work Sans", "sans"),
    PackagedFamily("fontpkg-dm-mono", "DM Mono", "mono"),
    PackagedFamily("fontpkg-jetbrains-mono", "JetBrains Mono", "mono"),
    PackagedFamily("fontpkg-roboto-mono", "Roboto Mono", "mono"),
    PackagedFamily("fontpkg-source-code-pro", "Source Code Pro", "mono"),
    PackagedFamily("fontpkg-space-mono", "Space Mono", "mono"),
)

PACKAGED_UNSEEN = (
    PackagedFamily("fontpkg-cabin", "Cabin", "sans"),
    PackagedFamily("fontpkg-ibm-plex-mono", "IBM Plex Mono", "mono"),
    PackagedFamily("fontpkg-karla", "Karla", "sans"),
    PackagedFamily("fontpkg-vollkorn", "Vollkorn", "serif"),
)

UNSEEN_FAMILIES = tuple(sorted({family.name for family in (*SYSTEM_UNSEEN, *PACKAGED_UNSEEN)}))

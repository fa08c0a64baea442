"""Real English PDFs out of Debian packages: `python experiments/unified_documents/fetch.py FOLDER`.

Writes FOLDER/train/*.pdf, FOLDER/heldout/*.pdf and FOLDER/SOURCES.txt. No document of a package in `heldout` is ever
learned from. Needs Debian's `apt-get` and `dpkg-deb`, not root; about 83 MB are downloaded, nothing of it is committed.
"""

from __future__ import annotations

import argparse
import gzip
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from demiglace.safe_files import atomic_path, write_whole


@dataclass(frozen=True)
class Manual:
    """A document: its package, its path below the package's documentation, its licence."""

    package: str
    path: str
    licence: str
    split: str = "train"

    @property
    def name(self) -> str:
        return f"{self.package}--{Path(self.path.removesuffix('.gz')).name}"


MANUALS = (
    Manual("asymptote-doc", "usr/share/doc/asymptote/asymptote.pdf", "LGPL-3+"),
    Manual("auto-multiple-choice-doc-pdf", "usr/share/doc/auto-multiple-choice/auto-multiple-choice.en.pdf", "GPL-2+"),
    Manual("bash-doc", "usr/share/doc/bash/bashref.pdf", "GFDL-1.3+"),
    Manual("c++-annotations-pdf", "usr/share/doc/c++-annotations/cplusplus.pdf", "GPL-2+"),
    Manual("debian-policy", "usr/share/doc/debian-policy/policy.pdf.gz", "GPL-2+"),
    Manual("developers-reference", "usr/share/developers-reference/developers-reference.pdf", "GPL-2+"),
    Manual("gnuplot-doc", "usr/share/doc/gnuplot/gnuplot.pdf", "gnuplot"),
    Manual("graphviz-doc", "usr/share/doc/graphviz/pdf/dotguide.pdf.gz", "EPL-1.0"),
    Manual("graphviz-doc", "usr/share/doc/graphviz/pdf/libguide.pdf.gz", "EPL-1.0"),
    Manual("gri-pdf-doc", "usr/share/doc/gri/gri.pdf.gz", "GPL-3+"),
    Manual("ledger", "usr/share/doc/ledger/ledger3.pdf", "BSD-3-clause"),
    Manual("maxima-doc", "usr/share/doc/maxima-doc/maximabook-19-Sept-2004.pdf.gz", "GPL-2+"),
    Manual("octave-doc", "usr/share/doc/octave/octave.pdf", "GPL-3+"),
    Manual("python-reportlab-doc", "usr/share/doc/python-reportlab-doc/reportlab-userguide.pdf", "BSD-3-clause"),
    Manual("r-doc-pdf", "usr/share/R/doc/manual/R-intro.pdf", "GPL-2+"),
    Manual("r-doc-pdf", "usr/share/R/doc/manual/R-admin.pdf", "GPL-2+"),
    Manual("r-doc-pdf", "usr/share/R/doc/manual/R-exts.pdf", "GPL-2+"),
    Manual("r-doc-pdf", "usr/share/R/doc/manual/R-lang.pdf", "GPL-2+"),
    Manual("r-doc-pdf", "usr/share/R/doc/manual/R-ints.pdf", "GPL-2+"),
    Manual("valgrind", "usr/share/doc/valgrind/valgrind_manual.pdf.gz", "GFDL-1.2+"),
    Manual("yorick-doc", "usr/share/doc/yorick-doc/manual/yorick.pdf.gz", "BSD-3-clause"),
    Manual("zsh-doc", "usr/share/doc/zsh-common/zsh.pdf", "zsh"),
    Manual("debian-faq", "usr/share/doc/debian/FAQ/debian-faq.en.pdf.gz", "GPL-2+", "heldout"),
    Manual("dejagnu", "usr/share/doc/dejagnu/dejagnu.pdf.gz", "GFDL-1.3+", "heldout"),
    Manual("maint-guide", "usr/share/doc/maint-guide/maint-guide.en.pdf", "GPL-2+", "heldout"),
    Manual("ne-doc", "usr/share/doc/ne/ne.pdf.gz", "GPL-3+", "heldout"),
)


def fetch(folder: Path) -> None:
    """Download and unpack what is not there yet; a package that is not to be had stops everything by its name."""
    missing = [manual for manual in MANUALS if not (folder / manual.split / manual.name).exists()]
    folder.mkdir(parents=True, exist_ok=True)
    if missing:
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            packages = sorted({manual.package for manual in missing})
            subprocess.run(["apt-get", "download", "-q", *packages], cwd=scratch, check=True)
            for package in packages:
                archive = next(Path(scratch).glob(f"{package}_*.deb"))
                subprocess.run(["dpkg-deb", "-x", archive.name, package], cwd=scratch, check=True)
            for manual in missing:
                unpack(Path(scratch) / manual.package / manual.path, folder / manual.split / manual.name)
    lines = [f"{manual.split}/{manual.name}: Debian package {manual.package}, {manual.licence}" for manual in MANUALS]
    write_whole(folder / "SOURCES.txt", "\n".join(lines) + "\n")


def unpack(found: Path, target: Path) -> None:
    """One document to its place, whole or not at all."""
    target.parent.mkdir(parents=True, exist_ok=True)
    opened = (gzip.open if found.suffix == ".gz" else open)(found, "rb")
    with opened as packed, atomic_path(target) as aside, aside.open("wb") as plain:
        shutil.copyfileobj(packed, plain)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    fetch(parser.parse_args().folder)


if __name__ == "__main__":
    main()

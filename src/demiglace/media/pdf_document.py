"""A PDF as viewers show it, where pypdfium2 alone would not: fields without a form, layers, units."""

from __future__ import annotations

from functools import cached_property

from pypdfium2 import PdfDocument, PdfPage, raw

from demiglace.media.pdf_facts import PdfFacts


class FilledPdf(PdfDocument):
    """A PDF whose form fields are drawn, but not its annotations on hidden layers; its pages have `user_unit`.

    PdfiumError if `data` is not a PDF that opens.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._data = data
        self.init_forms()

    def get_formtype(self) -> int:
        """Always an AcroForm: pages extracted from a document have fields without its form, and of a hybrid form pdfium
        draws the AcroForm half."""
        return raw.FORMTYPE_ACRO_FORM

    def get_page(self, index: int) -> PdfPage:
        page = super().get_page(index)
        facts = self._facts.page(index)
        page.user_unit = facts.user_unit
        for number in facts.hidden:
            annotation = raw.FPDFPage_GetAnnot(page, number)
            raw.FPDFAnnot_SetFlags(annotation, raw.FPDFAnnot_GetFlags(annotation) | raw.FPDF_ANNOT_FLAG_HIDDEN)
            raw.FPDFPage_CloseAnnot(annotation)
        return page

    @cached_property
    def _facts(self) -> PdfFacts:
        return PdfFacts(self, self._data)

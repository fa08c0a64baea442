"""A PDF as readers show it, where pypdfium2 alone would not: forms without a form, layers, units."""

from __future__ import annotations

from functools import cached_property

from pypdfium2 import PdfDocument, PdfPage, raw

from demiglace.media.pdf_facts import PdfFacts


class FilledPdf(PdfDocument):
    """Form fields are drawn, annotations on layers that are off are not; a page has `user_unit`.

    PdfiumError where `data` is no PDF that opens.
    """

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self._data = data
        self.init_forms()

    def get_formtype(self) -> int:
        """Always a plain form: fields also lie on pages that were taken out of their document, which left the form
        behind, and of a hybrid form the plain half is what pdfium draws."""
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

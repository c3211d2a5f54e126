"""One annotator judged by another, as ANSI/AAMI EC57 counts: beats, runs and episodes.

:func:`~edgecnn.ecg.ec57.comparison.compare` takes two annotation lists,
:func:`~edgecnn.ecg.ec57.evaluate.evaluate_records` the files of many records. Written from the
descriptions in the WFDB Applications Guide (``bxb(1)``, ``rxr(1)``, ``epicmp(1)``, ``sumstats(1)``
and "Evaluating ECG Analyzers") and in de Chazal, O'Dwyer & Reilly (2004).
"""

"""ECG: records in, heartbeats with their classes out.

Reading and scoring need NumPy and ONNX Runtime only; formats beyond WFDB 16 and 212, CSV and NPY
are read by the packages of ``edgecnn[ecg]``.
"""

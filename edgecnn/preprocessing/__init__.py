"""One definition of preprocessing, for training, calibration, evaluation and the runtime.

NumPy and OpenCV only, so that a device runs the very lines that the training ran.
"""

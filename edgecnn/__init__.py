"""edgecnn: train in PyTorch, ship one self-describing ONNX file, run it on a camera or an ECG."""

__version__ = "0.1.0"

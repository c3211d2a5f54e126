"""Look into a model file: its layers' activations, its kernels, and what an answer rests on.

All of it comes from the ``.onnx`` file and one input, without gradients and without PyTorch. The
sheets are drawn with OpenCV and NumPy, which every install has; reading the graph takes `onnx`.
"""

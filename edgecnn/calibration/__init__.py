"""Post-training quantization: calibration sets, activation ranges, 8-bit files, what they cost.

Runs without torch: ``edgecnn[quantize,cpu]`` brings onnx beside the device's packages.
"""
